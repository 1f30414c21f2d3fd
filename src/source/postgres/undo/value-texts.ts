import { readArray } from '../values/array.ts';

/** The texts of a composite value's attributes, or of an array's elements, any of them null. */
export type Parts = readonly (string | null)[];
/** Of an array, which can have several dimensions. */
export type List = readonly (string | null | List)[];

const FIELD = /"((?:[^"\\]|\\[\s\S]|"")*)"|([^",()\\]*)/y;

/**
 * Reads a composite value as PostgreSQL prints it (manual, section 8.16.6): `(1,"a ""b""",)`, where
 * nothing between two commas is null.
 * @returns null for text of another form.
 */
export function readComposite(text: string): Parts | null {
  if (!text.startsWith('(')) return null;
  const parts: (string | null)[] = [];
  let at = 0;
  do {
    FIELD.lastIndex = at + 1;
    const match = FIELD.exec(text);
    if (match === null) return null;
    const [all, quoted, plain] = match;
    if (quoted !== undefined)
      parts.push(quoted.replace(/\\([\s\S])|""/g, (_, one?: string) => one ?? '"'));
    else parts.push(plain === '' ? null : (plain ?? null));
    at = FIELD.lastIndex;
    if (all === '' && at >= text.length) return null;
  } while (text[at] === ',');
  return text[at] === ')' && at === text.length - 1 ? parts : null;
}

/** As PostgreSQL prints it, quotes included: the database's own text of it is equal. */
export function writeComposite(parts: Parts): string {
  return `(${parts.map(field).join(',')})`;
}

function field(part: string | null): string {
  if (part === null) return '';
  if (part !== '' && !/["\\(),\s]/.test(part)) return part;
  return `"${part.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`;
}

/** Reads an array; null for text of another form, such as one whose lower bound is not 1. */
export function readList(text: string): List | null {
  // Elements are kept as texts, so that is all that the lists can hold.
  return (readArray(text, (element) => element) as List | undefined) ?? null;
}

/** @param change gives an element's text; null when the array cannot be written. */
export function writeList(list: List, change: (text: string) => string | null): string | null {
  const texts: string[] = [];
  for (const each of list) {
    if (each === null) {
      texts.push('NULL');
      continue;
    }
    const text = typeof each === 'string' ? change(each) : writeList(each, change);
    if (text === null) return null;
    texts.push(typeof each === 'string' ? element(text) : text);
  }
  return `{${texts.join(',')}}`;
}

function element(text: string): string {
  if (text !== '' && !/["\\{},\s]/.test(text) && text.toUpperCase() !== 'NULL') return text;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
