/** The words of a line as a shell has them, up to where another command, a redirection or a comment begins. */
export function shellWords(line: string): readonly string[] {
  const words: string[] = [];
  const pattern = /\s*(?:([|;&<>()#])|((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"|;&<>()\\])+))/gy;
  for (const [, end, word = ''] of line.matchAll(pattern)) {
    if (end !== undefined || word.startsWith('#')) break;
    words.push(
      word.replaceAll(/'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g, (_, literal, quoted, escaped) =>
        String(literal ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? escaped),
      ),
    );
  }
  return words;
}

/** The `tidings` commands of a script or a terminal's text. */
export function tidingsLines(text: string): readonly (readonly string[])[] {
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n');
  return lines.flatMap((line) => {
    const typed = line.replace(/^\s*(?:\$ |→ )?/, '');
    const words = shellWords(typed).filter((word, at, all) => !isBefore(word, all.slice(0, at)));
    return words[0] === 'tidings' ? [words] : [];
  });
}

/** Variables that are set for a command, and the program that finds it. */
function isBefore(word: string, before: readonly string[]): boolean {
  if (before.includes('tidings')) return false;
  return word === 'npx' || /^[A-Z_]+=/.test(word);
}
