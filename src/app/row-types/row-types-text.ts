import { patternName } from '../../option/suggest-table.ts';
import type { TypedColumn, TypedTable } from '../../source/typed-table.ts';
import { interfaceNames } from './interface-names.ts';
import { docComment, lineComment, namesOf, propertyName, quoted, typeText } from './type-text.ts';

/** A table, as `register` takes it, and the name of its interface. */
export interface NamedRowType {
  readonly table: string;
  readonly type: string;
}

/** TypeScript with the row types of tables. */
export interface RowTypes {
  readonly text: string;
  readonly tables: readonly NamedRowType[];
}

export interface RowTypesOptions {
  /** Makes this text, as one types it. */
  readonly command: string;
  /**
   * False to leave `TidingsTables` as it is, where another source has tables of the same names.
   * Default: true.
   */
  readonly declared?: boolean;
}

/** How the first line of every file begins: what has it may be replaced. */
const MADE_BY = lineComment('Made by `tidings types');

/** The name of what extends `TidingsTables`, and what may be imported. */
const OWN_NAMES = ['Tables', 'ArrayValue', 'JsonValue'];

/** By way of `Tables`: within the module a name such as `Change` would be that of its own export. */
const DECLARATION = `declare module 'tidings' {
  interface TidingsTables extends Tables {}
}
`;

/**
 * Writes the types of rows: an interface for each table, and all of them under the tables' names in
 * `TidingsTables`. Pure, and the same for the same tables in any order: columns come by their names,
 * because their order in a table tells only when each was added.
 */
export function rowTypesText(
  tables: readonly TypedTable[],
  { command, declared = true }: RowTypesOptions,
): RowTypes {
  const sorted = tables.toSorted(
    (one, other) => compare(one.schema, other.schema) || compare(one.name, other.name),
  );
  const names = interfaceNames(sorted, OWN_NAMES);
  const typed = sorted.map((table, index) => ({
    table,
    key: `${patternName(table.schema)}.${patternName(table.name)}`,
    type: names[index] ?? '',
  }));
  const imported = new Set(
    sorted.flatMap(({ columns }) => columns.flatMap(({ form }) => namesOf(form))),
  );
  const parts = [
    `${firstLine(command)}\n/* eslint-disable */\n`,
    importText(imported),
    ...typed.map(({ table, type }) => interfaceText(table, type)),
    docComment(['The types of rows by the names of their tables.']) +
      `export interface Tables {\n${typed.map(({ key, type }) => `  ${quoted(key)}: ${type};\n`).join('')}}\n`,
    declared ? DECLARATION : '',
  ];
  return {
    text: parts.filter((part) => part !== '').join('\n'),
    tables: typed.map(({ key, type }) => ({ table: key, type })),
  };
}

function firstLine(command: string): string {
  return lineComment(`Made by \`${command}\`. Changes here are lost.`);
}

/**
 * Also where nothing is needed: a module that is not imported by anybody cannot be added to (TypeScript
 * 5.9 and 7.0: "module 'tidings' cannot be found").
 */
function importText(names: ReadonlySet<string>): string {
  const list = names.size === 0 ? '{}' : `{ ${[...names].sort(compare).join(', ')} }`;
  return `import type ${list} from 'tidings';\n`;
}

/** True for a text that {@link rowTypesText} made, whatever the command was. */
export function isRowTypes(text: string): boolean {
  return text.startsWith(MADE_BY);
}

/** The same but for the command that made it, and the ends of lines, which a checkout may change. */
export function isSameRowTypes(one: string, other: string): boolean {
  return comparable(one) === comparable(other);
}

/** The first line that differs, from 1; null when none does. */
export function differentLine(one: string, other: string): number | null {
  const [left, right] = [comparable(one).split('\n'), comparable(other).split('\n')];
  const length = Math.max(left.length, right.length);
  for (let at = 0; at < length; at++) if (left[at] !== right[at]) return at + 1;
  return null;
}

function comparable(text: string): string {
  const [first = '', ...rest] = text.replaceAll('\r\n', '\n').split('\n');
  return [isRowTypes(first) ? MADE_BY : first, ...rest].join('\n');
}

function interfaceText(table: TypedTable, type: string): string {
  const columns = table.columns.toSorted((one, other) => compare(one.name, other.name));
  const body =
    columns.length === 0
      ? '  readonly [column: string]: never;\n'
      : columns.map(columnText).join('');
  return `${docComment(remarks(table))}export interface ${type} {\n${body}}\n`;
}

function remarks({ comment, key, columns }: TypedTable): readonly string[] {
  const leftOut = columns.some((column) => column.leftOut);
  return [
    ...(comment === null ? [] : [comment]),
    key.length === 0 ? 'No key.' : `Key: ${key.join(', ')}.`,
    ...(leftOut ? ['Optional: a large value that an update did not change is left out.'] : []),
  ];
}

function columnText({ name, form, nullable, leftOut, comment }: TypedColumn): string {
  const doc = docComment(comment === null ? [] : [comment], '  ');
  return `${doc}  readonly ${propertyName(name)}${leftOut ? '?' : ''}: ${typeText(form, nullable)};\n`;
}

/** By code units: the same wherever it runs. */
function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
