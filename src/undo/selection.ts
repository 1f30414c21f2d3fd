import type { Operation } from '../change/change.ts';
import type { ChangeDecoder, ChangeView } from '../change/decode.ts';
import type { JsonValue } from '../change/dialect.ts';
import { parseLosslessJson } from '../change/lossless-json.ts';
import { markText } from '../change/mark.ts';
import {
  compileTablePatterns,
  TablePatternError,
  type TablePatterns,
} from '../change/table-pattern.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { abandonedText } from '../log/forks.ts';
import type { KeptAside } from '../log/kept-aside.ts';
import type { LoggedTransaction, LogReader, LogRecord, TableId } from '../log/log.ts';
import { groupVersions, idsOf, tablesMatching } from './looking/known-tables.ts';
import { resolveMoment } from './looking/log-boundary.ts';
import { isReversed, type Moment, parseMoment } from './looking/moment.ts';
import { questionOf } from './looking/resolve-table.ts';
import { parseRowKey } from './looking/row-key.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import { findPartitionChanges, type PartitionChange } from './partition-changes.ts';
import { partitionRemedy, type TableSql } from './partition-remedy.ts';
import { droppedPartition } from './dropped-partitions.ts';
import { type VersionsAway, versionsAway } from './partition-away.ts';
import { refuseKept, refusePruned } from './pruned-range.ts';
import { type Bookkeeping, countLeftOut, bookkeepingLeftOut } from './bookkeeping.ts';
import type {
  UndoLeftOut,
  UndoMoment,
  UndoOfRange,
  UndoRequest,
  UndoToMoment,
} from './undo-plan.ts';

/** Which changes of a log an undo takes back. */
export interface Selection {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** The transaction that was asked for; null for a range. */
  readonly transaction: LoggedTransaction | null;
  /** The only tables to read; undefined for all. */
  readonly tables: ReadonlySet<TableId> | undefined;
  /** The only keys to read, by table, as the log has them; undefined for all. */
  readonly keys: ReadonlyMap<TableId, ReadonlySet<string>> | undefined;
  /** Bookkeeping of migration tools, which is left out. */
  readonly bookkeeping: Bookkeeping;
  /** What is left out so. */
  readonly leftOut: readonly UndoLeftOut[];
  /** True when not every change of a transaction is selected with it. */
  readonly narrowed: boolean;
  /** What was done to partitions of the selected tables, and stays: it has no changes to undo. */
  readonly partitions: readonly PartitionChange[];
  /** What of them the log has as changes of tables of their own, which are selected too. */
  readonly away: VersionsAway;
  /** True when these stand against the undo, because it cannot give what was asked for. */
  readonly needsPartitions: boolean;
  /** Versions of tables of which it is not known what they held at the moment to go back to. */
  readonly addedLater?: ReadonlySet<TableId>;
  accepts(record: LogRecord): boolean;
}

/** Prepares a condition over a change; the application brings it along. */
export type CompileWhere = (where: string) => { holds(view: ChangeView): boolean };

export interface SelectionContext {
  readonly source: string;
  readonly log: SearchableLog;
  readonly kept: KeptAside;
  readonly decoder: ChangeDecoder;
  readonly compileWhere: CompileWhere;
  readonly tableSql: TableSql;
  readonly signal: AbortSignal;
}

/**
 * The range of the log that a request means at this moment.
 * @throws TidingsError `UNDO_TRANSACTION_UNKNOWN`, `LOG_PRUNED`, `MOMENT_INVALID`; `AS_OF_*` when the
 *   log does not know all that happened since the moment to go back to.
 */
export async function resolveRange(
  request: UndoRequest,
  { source, log, kept, tableSql }: Pick<SelectionContext, 'source' | 'log' | 'kept' | 'tableSql'>,
): Promise<Pick<Selection, 'from' | 'to' | 'transaction'>> {
  if ('transaction' in request) {
    const transaction = await findTransaction(request.transaction, log);
    if (transaction === null) {
      await refuseKept({ source, log, kept }, request);
      requireRows(request.transaction, { log, tableSql });
      const details = { source, transaction: request.transaction };
      throw new TidingsError('UNDO_TRANSACTION_UNKNOWN', details);
    }
    return { from: transaction.first, to: transaction.last + 1, transaction };
  }
  const from =
    'to' in request
      ? await beginningOf(request, { source, log })
      : await offsetOf(request.since, log);
  const until = 'until' in request ? request.until : undefined;
  const to = until === undefined ? log.head : Math.min(await offsetOf(until, log), log.head);
  if ('since' in request) checkOrder(request, { source, head: log.head });
  if (from < log.floor || (await isPruned(request, from, log))) {
    await refusePruned({ source, log, kept }, request, Math.min(from, log.floor - 1));
  }
  return { from: Math.min(from, to), to, transaction: null };
}

/**
 * A transaction that did nothing but something to partitions is known, and has nothing to undo.
 * @throws TidingsError `UNDO_PARTITION_ONLY`
 */
function requireRows(
  transaction: string,
  { log, tableSql }: Pick<SelectionContext, 'log' | 'tableSql'>,
): void {
  const marks = log.marks().filter((mark) => mark.transaction?.id === transaction);
  if (marks.length === 0) return;
  throw new TidingsError('UNDO_PARTITION_ONLY', {
    transaction,
    marks: marks.map(markText).join('; '),
    remedies: marks.map((mark) => partitionRemedy(mark, tableSql)).join(' '),
  });
}

/**
 * A range that holds nothing because it was written the wrong way round is no undo of nothing.
 * @throws TidingsError `UNDO_REQUEST_INVALID`, `AS_OF_AHEAD`
 */
function checkOrder(
  { since, until }: UndoOfRange,
  { source, head }: { readonly source: string; readonly head: number },
): void {
  const from = momentOf(since);
  if ('offset' in from && from.offset > head) {
    throw new TidingsError('AS_OF_AHEAD', { source, offset: from.offset, head });
  }
  if (until === undefined || !isReversed(from, momentOf(until))) return;
  throw new TidingsError('UNDO_REQUEST_INVALID', { problem: '`until` lies before `since`' });
}

/** Where going back to a moment begins: the log has to know all that happened since. */
async function beginningOf(
  { to, tables }: UndoToMoment,
  { source, log }: Pick<SelectionContext, 'source' | 'log'>,
): Promise<number> {
  return await resolveMoment(log, source, tables.join(', '), momentOf(to));
}

/** A time from which older records are gone: what was changed then cannot be told any more. */
async function isPruned(request: UndoRequest, from: number, log: SearchableLog): Promise<boolean> {
  if (!('since' in request) || log.floor === 0 || from !== log.floor) return false;
  const moment = momentOf(request.since);
  const begin = await log.beginning();
  return 'time' in moment && begin !== null && moment.time < begin;
}

/** By the database's id, the newest of several; or by the position that the log shows. */
async function findTransaction(id: string, log: LogReader): Promise<LoggedTransaction | null> {
  const [found] = await log.transactionsById(id);
  return found ?? null;
}

async function offsetOf(moment: UndoMoment, log: LogReader): Promise<number> {
  const place = momentOf(moment);
  return 'offset' in place ? place.offset : await log.offsetAt(place.time);
}

function momentOf(moment: UndoMoment): Moment {
  return parseMoment(String(moment));
}

/**
 * Changes from before a fork are those of another history: some of them the database has, some it
 * does not, and what stands there now is the outcome of neither alone.
 * @throws TidingsError `UNDO_REWOUND`
 */
function refuseAcrossFork({ source, log }: SelectionContext, from: number): void {
  const fork = log.forks().findLast(({ offset }) => offset >= from);
  if (fork === undefined) return;
  const { offset, reason } = fork;
  const details = { source, offset, reason, abandoned: abandonedText(fork), next: offset + 1 };
  throw new TidingsError('UNDO_REWOUND', details);
}

/**
 * Completes a range with the request's filters.
 * @throws TidingsError `UNDO_REWOUND`, `UNDO_NO_TABLE`, and as the filters do.
 */
export async function selectChanges(
  request: UndoRequest,
  range: Pick<Selection, 'from' | 'to' | 'transaction'>,
  context: SelectionContext,
): Promise<Selection> {
  const { log, decoder, signal } = context;
  refuseAcrossFork(context, range.from);
  const patterns = request.tables === undefined ? null : compilePatterns(request.tables);
  const named = patterns === null ? undefined : await matchingTables(log, patterns);
  const filtered = [request.operations, request.keys, request.where].some(
    (filter) => filter !== undefined,
  );
  const isWhole = !filtered && request.actor === undefined;
  const matches = (schema: string, name: string): boolean =>
    patterns?.matches(schema, name) ?? true;
  const found = await findPartitionChanges(log, request, { ...range, tables: named, matches });
  const partitions = isWhole ? await withDropped(log, found, range, signal) : found;
  const back = partitions.filter((change) => change.away === 'logged');
  const away = versionsAway(
    log,
    back.map(({ mark }) => mark),
  );
  const meant = named === undefined ? undefined : new Set([...named, ...away.keys()]);
  if (meant?.size === 0 && found.length === 0 && request.tables !== undefined) {
    const question = questionOf(log, request.tables);
    const details = { source: context.source, tables: request.tables.join(', '), question };
    throw new TidingsError('UNDO_NO_TABLE', details);
  }
  const bookkeeping = bookkeepingLeftOut(log, patterns);
  const tables = meant && new Set([...meant].filter((id) => !bookkeeping.has(id)));
  const operations = request.operations === undefined ? null : new Set(request.operations);
  const keys = request.keys === undefined ? undefined : keysByTable(log, request.keys, meant);
  const where = request.where === undefined ? null : context.compileWhere(request.where);
  const hasActor = actorFilter(request.actor);
  const wants = (record: LogRecord): boolean =>
    record.offset >= range.from &&
    record.offset < range.to &&
    (meant === undefined || meant.has(record.table.id)) &&
    (operations === null || operations.has(record.operation)) &&
    (keys === undefined || isOneOf(keys.get(record.table.id), record)) &&
    hasActor(record.transaction) &&
    (where === null || where.holds(decoder.view(record)));
  return {
    ...range,
    tables,
    keys,
    bookkeeping,
    leftOut: await countLeftOut(log, bookkeeping, { ...range, wants, signal }),
    narrowed: request.tables !== undefined || filtered,
    partitions,
    away,
    // Whoever asks for some rows of a range gets those; a table at a moment has all that it held.
    needsPartitions: 'to' in request || isWhole,
    accepts: (record) => !bookkeeping.has(record.table.id) && wants(record),
  };
}

/** Rows of partitions that were dropped come back with the rest, where the log has all of them. */
async function withDropped(
  log: SearchableLog,
  found: readonly PartitionChange[],
  { to }: Pick<Selection, 'to'>,
  signal: AbortSignal,
): Promise<readonly PartitionChange[]> {
  const partitions: PartitionChange[] = [];
  for (const change of found) {
    const { mark, lasting, unseen } = change;
    const may = lasting && unseen !== true && mark.kind === 'dropped' && mark.offset <= to;
    const dropped = may ? await droppedPartition(log, mark, signal) : null;
    partitions.push(dropped === null ? change : { ...change, dropped });
  }
  return partitions;
}

function compilePatterns(texts: readonly string[]): TablePatterns {
  try {
    return compileTablePatterns(texts);
  } catch (error) {
    if (!(error instanceof TablePatternError)) throw error;
    const { pattern, problem, suggestion } = error;
    const details = { pattern: JSON.stringify(pattern), problem, suggestion };
    throw new TidingsError('TABLE_PATTERN_INVALID', details, { cause: error });
  }
}

async function matchingTables(
  log: SearchableLog,
  patterns: TablePatterns,
): Promise<ReadonlySet<TableId>> {
  const found = await tablesMatching(log, (schema, name) => patterns.matches(schema, name));
  return idsOf(found.flatMap(({ versions }) => versions));
}

/**
 * What keys, as people write them, are in the log. Of several tables it is enough that one has a key
 * of that form.
 * @throws TidingsError `KEY_INVALID`, `TABLE_WITHOUT_KEY`
 */
function keysByTable(
  log: LogReader,
  texts: readonly string[],
  tables: ReadonlySet<TableId> | undefined,
): ReadonlyMap<TableId, ReadonlySet<string>> {
  const versions = groupVersions(log)
    .map((group) => group.filter(({ id }) => tables?.has(id) !== false))
    .filter((group) => group.length > 0);
  const found = new Map<TableId, Set<string>>();
  for (const text of texts) {
    const failures: unknown[] = [];
    for (const all of versions) {
      try {
        const keys = parseRowKey(all, text);
        for (const { id } of all) found.set(id, new Set([...(found.get(id) ?? []), ...keys]));
      } catch (error) {
        if (!isTidingsError(error)) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0 && failures.length === versions.length) throw failures[0];
  }
  return found;
}

function isOneOf(
  keys: ReadonlySet<string> | undefined,
  { key, previousKey, operation }: LogRecord,
): boolean {
  if (operation === ('truncate' satisfies Operation)) return false;
  if (keys === undefined) return false;
  return (key !== null && keys.has(key)) || (previousKey !== null && keys.has(previousKey));
}

function actorFilter(actor: string | undefined): (transaction: LoggedTransaction) => boolean {
  if (actor === undefined) return () => true;
  let last: LoggedTransaction | null = null;
  let answer = false;
  return (transaction) => {
    if (transaction !== last) answer = actorOf(transaction.context) === actor;
    last = transaction;
    return answer;
  };
}

/** `actor` of a context; null when there is none. */
export function actorOf(context: string | null): string | null {
  if (context === null) return null;
  let value: JsonValue;
  try {
    value = parseLosslessJson(context);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const { actor } = value as { readonly [name: string]: JsonValue };
  return typeof actor === 'string' ? actor : null;
}
