import { type Column, qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';

/**
 * Reads a key as a person writes it: `7`, `id=7`, or `a=1,b=2` for several columns; a value with a
 * comma or an equals sign in double quotes. Also the log's own form for several columns, a JSON array
 * of texts.
 * @param versions of the table, oldest first; the key may have moved to other columns in between.
 * @returns the key as the log has it, one text for every set of key columns that it fits.
 * @throws TidingsError `TABLE_WITHOUT_KEY`, `KEY_INVALID`
 */
export function parseRowKey(
  versions: readonly TableDefinition[],
  text: string,
): readonly [string, ...string[]] {
  const newest = versions.at(-1);
  if (newest === undefined) throw new Error('A key is of no table');
  const keyed = versions.filter((version) => version.key.length > 0);
  if (keyed.length === 0) {
    throw new TidingsError('TABLE_WITHOUT_KEY', { table: qualifiedName(newest) });
  }
  const texts = new Set<string>();
  let problem = '';
  for (const version of keyed.toReversed()) {
    const found = readKey(version, text);
    if ('key' in found) texts.add(found.key);
    else problem ||= found.problem;
  }
  const [first, ...others] = texts;
  if (first !== undefined) return [first, ...others];
  const columns = keyColumns(keyed.at(-1) ?? newest).map(({ name }) => name);
  throw new TidingsError('KEY_INVALID', {
    key: text,
    table: qualifiedName(newest),
    problem,
    columns: columns.join(', '),
    example: columns.map((name) => `${name}=1`).join(','),
  });
}

/** The columns of a table's key, in key order. */
export function keyColumns(table: TableDefinition): readonly Column[] {
  return table.key.flatMap((index) => table.columns[index] ?? []);
}

/** The text under which the log knows a key of these values; see `CapturedChange.key`. */
export function keyText(values: readonly string[]): string {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : JSON.stringify(values);
}

/** The values of a key that the log knows under this text. */
export function keyValues(text: string, columns: number): readonly string[] {
  return columns === 1 ? [text] : (JSON.parse(text) as readonly string[]);
}

type KeyRead = { readonly key: string } | { readonly problem: string };

function readKey(version: TableDefinition, text: string): KeyRead {
  const columns = keyColumns(version);
  const [only] = columns;
  const given = namedValues(version, text);
  if (given !== null) {
    const names = columns.map(({ name }) => name);
    const other = [...given.keys()].find((name) => !names.includes(name));
    if (other !== undefined) return { problem: `${other} is no part of it` };
    const missing = names.filter((name) => !given.has(name));
    if (missing.length > 0) return { problem: `${missing.join(', ')} is missing` };
    return { key: keyText(columns.map((each) => canonical(each, given.get(each.name) ?? ''))) };
  }
  if (columns.length === 1 && only !== undefined) return { key: canonical(only, unquote(text)) };
  const values = readArray(text);
  if (values === null) return { problem: 'it names not all of its columns' };
  if (values.length !== columns.length) {
    return { problem: `it has ${values.length} values for ${columns.length} columns` };
  }
  return { key: keyText(columns.map((each, place) => canonical(each, values[place] ?? ''))) };
}

/** Values by column; null when the text does not name columns of the table, but may be a value. */
function namedValues(version: TableDefinition, text: string): ReadonlyMap<string, string> | null {
  const pairs = splitPairs(text);
  const isColumn = (name: string): boolean => version.columns.some((each) => each.name === name);
  return pairs?.every(([name]) => isColumn(name)) === true ? new Map(pairs) : null;
}

/** `a=1,b="x,y"` as pairs; null when the text is not of that form. */
function splitPairs(text: string): readonly (readonly [string, string])[] | null {
  const pair = /("(?:[^"]|"")+"|[^=,"]+)=("(?:[^"]|"")*"|[^,]*)(,|$)/y;
  const pairs: (readonly [string, string])[] = [];
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (match === null) return null;
    const [, name = '', value = ''] = match;
    pairs.push([unquote(name.trim()), unquote(value)]);
  }
  return pairs.length === 0 ? null : pairs;
}

function unquote(text: string): string {
  return /^"(?:[^"]|"")*"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : text;
}

function readArray(text: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** The log has the database's own text: no leading zeros, and UUIDs in lower case. */
function canonical(column: Column, text: string): string {
  if (column.kind === 'integer' && /^[+-]?\d+$/.test(text))
    return String(BigInt(text.replace('+', '')));
  return column.type === 'uuid' ? text.toLowerCase() : text;
}
