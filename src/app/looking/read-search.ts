import type { ChangeDecoder } from '../../change/decode.ts';
import type { Column } from '../../change/table.ts';
import { isTidingsError, TidingsError } from '../../errors/tidings-error.ts';
import type { LoggedTable, LogRecord } from '../../log/log.ts';
import { compileFilter } from '../../subscription/filter.ts';
import { compileCondition } from '../../subscription/where.ts';
import type { ContextCondition } from '../../undo/looking/context-condition.ts';
import type { SearchRequest } from '../../undo/looking/find-transactions.ts';
import {
  idsOf,
  isSameName,
  type KnownTable,
  tablesMatching,
} from '../../undo/looking/known-tables.ts';
import { isReversed, type Moment } from '../../undo/looking/moment.ts';
import { requireLogged, resolvePatterns, resolveTable } from '../../undo/looking/resolve-table.ts';
import { parseRowKey } from '../../undo/looking/row-key.ts';
import type { SearchableLog } from '../../undo/looking/searchable-log.ts';
import { parseValueCondition, ValueMatcher } from '../../undo/looking/value-condition.ts';
import { DIALECTS } from '../adapters.ts';
import type { FindQuery } from './looking.ts';

/** Transactions that a search returns unless another number is asked for. */
const DEFAULT_LIMIT = 20;

/** The log that is searched. */
interface Searched {
  readonly source: string;
  readonly log: SearchableLog;
  readonly decoder: ChangeDecoder;
}

/**
 * What a query means in this log.
 * @throws TidingsError `TABLE_*`, `KEY_INVALID`, `FILTER_INVALID`, `VALUE_CONDITION_INVALID`,
 *   `COLUMN_NOT_LOGGED`
 */
export async function readSearch(searched: Searched, query: FindQuery): Promise<SearchRequest> {
  const { log } = searched;
  const named = await readTables(searched, query.tables);
  const tables = named?.flatMap(({ versions }) => versions) ?? null;
  const { since, until, where } = query;
  if (since !== undefined && until !== undefined && isReversed(since, until)) {
    const problem = '--until lies before --since.';
    throw new TidingsError('USAGE', { problem, command: 'tidings find' });
  }
  return {
    from: since === undefined ? log.floor : Math.max(log.floor, await offsetOf(log, since)),
    to: until === undefined ? log.head : Math.min(log.head, await offsetOf(log, until)),
    tables,
    operations: query.operations === undefined ? null : new Set(query.operations),
    row: readRow(query, named),
    values: readValues(log, query, tables),
    holds: where === undefined ? null : condition(where, searched.decoder),
    minChanges: query.minChanges ?? 1,
    context: readContext(query),
    limit: query.limit ?? DEFAULT_LIMIT,
  };
}

async function offsetOf(log: SearchableLog, moment: Moment): Promise<number> {
  return 'offset' in moment ? moment.offset : await log.offsetAt(moment.time);
}

async function readTables(
  { source, log }: Searched,
  texts: readonly string[] | undefined,
): Promise<readonly KnownTable[] | null> {
  if (texts === undefined) return null;
  const patterns = resolvePatterns(log, source, texts);
  for (const pattern of patterns) requireLogged(log, source, pattern);
  const filter = compileFilter({ tables: patterns });
  const tables = await tablesMatching(log, (schema, name) => filter.wantsTable({ schema, name }));
  // One that means nothing is most likely mistyped: an empty result would hide it.
  if (tables.length === 0) resolveTable(log, source, texts.join(', '));
  return tables;
}

function readRow({ key }: FindQuery, tables: readonly KnownTable[] | null): SearchRequest['row'] {
  if (key === undefined) return null;
  const [table, ...others] = tables ?? [];
  // Several have had the same name to their end when the table was dropped and made anew.
  const single = table !== undefined && others.every((each) => isSameName(each, table));
  if (!single) {
    const problem = '--key names a row of one table, so it needs --table with that one.';
    throw new TidingsError('USAGE', { problem, command: 'tidings find' });
  }
  const versions = [table, ...others].flatMap((each) => each.versions);
  return { tables: idsOf(versions), keys: parseRowKey(versions, key) };
}

function readValues(
  log: SearchableLog,
  { before = [], after = [] }: FindQuery,
  tables: readonly LoggedTable[] | null,
): readonly ValueMatcher[] {
  const versions = tables ?? log.tables();
  const conditions = [
    ...before.map((text) => parseValueCondition('before', text)),
    ...after.map((text) => parseValueCondition('after', text)),
  ];
  return conditions.map((each) => {
    const matcher = new ValueMatcher(each, displayText);
    if (versions.length === 0 || versions.some((table) => matcher.appliesTo(table))) return matcher;
    const names = new Set(versions.flatMap(({ columns }) => columns.map(({ name }) => name)));
    const columns = [...names].sort().join(', ');
    throw new TidingsError('COLUMN_NOT_LOGGED', { column: each.column, columns });
  });
}

/** A value as `tidings show` prints it. */
function displayText(column: Column, text: string): string {
  const [dialect] = DIALECTS;
  const value = dialect?.reader(column)(text) ?? text;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Null where the condition has no answer: a search goes on, a subscription could not. */
function condition(where: string, decoder: ChangeDecoder): (record: LogRecord) => boolean | null {
  const compiled = compileCondition(where);
  return (record) => {
    try {
      return compiled.holds(decoder.view(record));
    } catch (error) {
      if (isTidingsError(error, 'FILTER_FAILED')) return null;
      if (isTidingsError(error, 'VALUE_TOO_LARGE')) return null;
      throw error;
    }
  };
}

function readContext({ actor, context = [] }: FindQuery): readonly ContextCondition[] {
  const conditions: ContextCondition[] = [];
  if (actor !== undefined) conditions.push({ path: ['actor'], value: actor });
  for (const text of context) {
    const at = text.indexOf('=');
    if (at <= 0) {
      const problem = `--context ${text} names no member and value, such as request.id=7.`;
      throw new TidingsError('USAGE', { problem, command: 'tidings find' });
    }
    conditions.push({ path: text.slice(0, at).split('.'), value: text.slice(at + 1) });
  }
  return conditions;
}
