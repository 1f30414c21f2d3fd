import {
  parseTablePattern,
  type TablePattern,
  TablePatternError,
} from '../../change/table-pattern.ts';
import { qualifiedName } from '../../change/table.ts';
import { suggest } from '../../option/suggest.ts';
import { didYouMean, plainName, suggestTable } from '../../option/suggest-table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { groupVersions, isSameName } from './known-tables.ts';
import type { SearchableLog, TableName } from './searchable-log.ts';

/** How many tables an error lists. */
const LISTED = 12;

/**
 * The table that a person means: `schema.name`, or the name alone where only one schema has it; each
 * as it is shown, or in double quotes as SQL has it.
 * @throws TidingsError `TABLE_AMBIGUOUS`; `TABLE_NOT_LOGGED` when the log has no change of it.
 */
export function resolveTable(log: SearchableLog, source: string, text: string): TableName {
  const tables = loggedNames(log);
  const exact = tables.find((table) => isWritten(table, text));
  if (exact !== undefined) return exact;
  const named = tables.filter(({ name }) => text === name || text === quoted(name));
  const [only, ...others] = named;
  if (only === undefined) {
    throw notLogged(source, text, tables);
  }
  if (others.length > 0) {
    // One that was moved from schema to schema is still one.
    const meant = groupVersions(log).filter((versions) =>
      versions.some((version) => named.some((each) => isSameName(each, version))),
    );
    const newest = meant[0]?.findLast((version) => named.some((each) => isSameName(each, version)));
    if (meant.length === 1 && newest !== undefined) {
      return { schema: newest.schema, name: newest.name };
    }
    const details = { source, table: text, tables: listed(named.map(qualifiedName)) };
    throw new TidingsError('TABLE_AMBIGUOUS', details);
  }
  return only;
}

/**
 * Table patterns for what a person wrote: a table of the log, also without its schema, or a pattern.
 * @throws as {@link resolveTable}
 */
export function resolvePatterns(
  log: SearchableLog,
  source: string,
  texts: readonly string[],
): readonly string[] {
  const tables = loggedNames(log);
  return texts.map((text) => {
    const exact = tables.find((table) => isWritten(table, text));
    if (exact === undefined && /[.*!"]/.test(text)) return text;
    const { schema, name } = exact ?? resolveTable(log, source, text);
    return `${asPattern(schema)}.${asPattern(name)}`;
  });
}

/**
 * For a pattern that has to mean something: one without wildcards that means no table of the log is a
 * slip of the pen.
 * @throws TidingsError `TABLE_NOT_LOGGED`
 */
export function requireLogged(log: SearchableLog, source: string, text: string): void {
  const pattern = parsed(text);
  if (pattern === null || pattern.exclude) return;
  const [schema, name] = [plainName(pattern.schema), plainName(pattern.table)];
  if (schema === null || name === null) return;
  const tables = loggedNames(log);
  if (!tables.some((table) => isSameName(table, { schema, name }))) {
    throw notLogged(source, text, tables);
  }
}

/** " Did you mean …?" of what a name in the log is near; empty when nothing is. */
export function questionOf(log: Pick<SearchableLog, 'tables'>, texts: readonly string[]): string {
  const tables = loggedNames(log);
  const meant = texts.map((text) => nearest(text, tables)).find((near) => near !== null);
  return didYouMean(meant ?? null);
}

function nearest(text: string, tables: readonly TableName[]): string | null {
  const pattern = parsed(text);
  if (pattern !== null) return suggestTable(pattern, tables);
  return suggest(
    text,
    tables.map(({ name }) => name),
  );
}

/** Null for what is no pattern, such as a name without its schema. */
function parsed(text: string): TablePattern | null {
  try {
    return parseTablePattern(text);
  } catch (error) {
    if (error instanceof TablePatternError) return null;
    throw error;
  }
}

function notLogged(source: string, text: string, tables: readonly TableName[]): TidingsError {
  const names = listed(tables.map(qualifiedName));
  const question = didYouMean(nearest(text, tables));
  return new TidingsError('TABLE_NOT_LOGGED', { source, table: text, tables: names, question });
}

function loggedNames(log: Pick<SearchableLog, 'tables'>): TableName[] {
  const tables = new Map<string, TableName>();
  for (const { schema, name } of log.tables()) {
    tables.set(`${quoted(schema)}.${quoted(name)}`, { schema, name });
  }
  return [...tables.values()];
}

function isWritten({ schema, name }: TableName, text: string): boolean {
  return [schema, quoted(schema)].some((first) =>
    [name, quoted(name)].some((second) => `${first}.${second}` === text),
  );
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Plain where a pattern takes it literally, for whoever reads it. */
function asPattern(name: string): string {
  return /^\w+$/.test(name) ? name : quoted(name);
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'no table yet';
  const shown = names.toSorted().slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
}
