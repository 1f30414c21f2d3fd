/**
 * SQL's LIKE: `%` stands for any text, `_` for one character, `\` takes the next one literally.
 *
 * It is offered instead of CEL's `matches` because JavaScript's regular expressions can take
 * exponential time, and one value in one row would stop the whole service. This takes at most
 * text length times pattern length steps.
 */
export function matchesLike(text: string, pattern: string): boolean {
  const wanted = parsePattern(pattern);
  const characters = Array.from(text);
  let at = 0;
  let next = 0;
  // Where to go on when what follows the last `%` does not match: let that `%` stand for one more.
  let retry: { at: number; next: number } | null = null;
  while (at < characters.length) {
    const token = wanted[next];
    if (token === ANY_TEXT) {
      retry = { at, next };
      next += 1;
    } else if (token !== undefined && (token === ANY_CHARACTER || token === characters[at])) {
      at += 1;
      next += 1;
    } else if (retry !== null) {
      retry.at += 1;
      at = retry.at;
      next = retry.next + 1;
    } else return false;
  }
  return wanted.slice(next).every((token) => token === ANY_TEXT);
}

const ANY_TEXT = Symbol('%');
const ANY_CHARACTER = Symbol('_');

function parsePattern(pattern: string): (string | symbol)[] {
  const tokens: (string | symbol)[] = [];
  const characters = Array.from(pattern);
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '%') tokens.push(ANY_TEXT);
    else if (character === '_') tokens.push(ANY_CHARACTER);
    else if (character === '\\') tokens.push(characters[++at] ?? '\\');
    else tokens.push(character);
  }
  return tokens;
}
