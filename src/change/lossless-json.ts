import type { JsonValue } from './dialect.ts';

/** What `JSON.parse` tells a reviver about a primitive: the text it was read from. */
interface ReviverContext {
  readonly source?: string;
}

/**
 * Parses JSON without changing a number: one that a double does not hold exactly (`1e400`,
 * `9007199254740993`, `0.1000000000000000055`) becomes a string with its own text.
 *
 * "Exactly" is about the value and not its notation: `1.50` becomes the number 1.5. As everywhere
 * in JavaScript the shortest decimal form of a double stands for it, so `0.1` is a number.
 * Of members with the same name the last one remains: RFC 8259 leaves that open, and PostgreSQL's
 * jsonb and every JSON reader in JavaScript do the same. The column's own text stays in the log.
 * @throws SyntaxError when the text is no JSON.
 * @throws RangeError when it is nested deeper than {@link MAX_JSON_DEPTH}.
 */
export function parseLosslessJson(text: string): JsonValue {
  if (text.length > 2 * MAX_JSON_DEPTH && depthOf(text) > MAX_JSON_DEPTH) {
    throw new RangeError(`JSON is nested deeper than ${MAX_JSON_DEPTH} levels`);
  }
  // A reviver makes parsing several times slower; only long or unusual numbers need it.
  if (!MAY_HOLD_INEXACT_NUMBER.test(text)) return JSON.parse(text) as JsonValue;
  return JSON.parse(text, reviveExactly) as JsonValue;
}

/**
 * Far above what people write, far below where `JSON.stringify` and `structuredClone` of the value
 * exhaust the stack (between 1,000 and 5,000 levels): what was read can also be passed on.
 */
export const MAX_JSON_DEPTH = 500;

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth);
    else if (character === ']' || character === '}') depth -= 1;
  }
  return deepest;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** Sixteen digits in a row or an exponent: below that every number is exact. Strings may match too. */
const MAY_HOLD_INEXACT_NUMBER = /\d[\d.]{15}|\d[eE]|-0/;

function reviveExactly(_name: string, value: unknown, context?: ReviverContext): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return isExact(context.source, value) ? value : context.source;
}

/** True when the double's shortest decimal form and the text denote the same number. */
export function isExact(text: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  if (Object.is(value, -0)) return false;
  return normalize(text) === normalize(String(value));
}

const NUMBER = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Sign, digits without zeros at either end, and exponent: equal for equal numbers only. */
function normalize(text: string): string | null {
  const match = NUMBER.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const shift = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${shift}`;
}
