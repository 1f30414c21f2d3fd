import { parseEnv } from 'node:util';

/**
 * The line that sets a variable in a text of the form that `node --env-file` takes, the last one as
 * there; null when none does.
 */
export function lineOfVariable(text: string, name: string): number | null {
  const pattern = new RegExp(String.raw`^\s*(?:export\s+)?${name}\s*=`);
  return linesLike(text, pattern).at(-1) ?? null;
}

/** The first line that names one of the variables and sets nothing: without `=`, it is passed over. */
export function lineThatSetsNothing(
  text: string,
  names: readonly string[],
): { readonly line: number; readonly variable: string } | null {
  const any = names.join('|');
  const pattern = new RegExp(String.raw`^\s*(?:export\s+)?(${any})(?![\w.-])(?!\s*=)`);
  const [line] = linesLike(text, pattern);
  if (line === undefined) return null;
  const [, variable = ''] = pattern.exec(text.split('\n')[line - 1] ?? '') ?? [];
  return { line, variable };
}

const PROBE = 'TIDINGS_PROBE_OF_A_LINE';

/** Lines that fit, by their numbers. A line within a value of several lines is none. */
function linesLike(text: string, pattern: RegExp): number[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (!pattern.test(line)) return [];
    // Only the parser knows where values end: an assignment in this place is one if it finds it.
    const probed = lines.with(index, `${PROBE}=1`).join('\n');
    return parseEnv(probed)[PROBE] === '1' ? [index + 1] : [];
  });
}
