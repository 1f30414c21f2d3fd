import type { Operation } from '../change/change.ts';
import type { ChangeDecoder, ChangeView } from '../change/decode.ts';
import type { JsonValue } from '../change/dialect.ts';
import { parseLosslessJson } from '../change/lossless-json.ts';
import {
  compileTablePatterns,
  TablePatternError,
  type TablePatterns,
} from '../change/table-pattern.ts';
import { parseMicros } from '../change/time.ts';
import { parseStartAt } from '../config/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LoggedTransaction, LogReader, LogRecord, TableId } from '../log/log.ts';
import type { UndoMoment, UndoRequest } from './undo-plan.ts';

/** Which changes of a log an undo takes back. */
export interface Selection {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** The transaction that was asked for; null for a range. */
  readonly transaction: LoggedTransaction | null;
  /** The only tables to read; undefined for all. */
  readonly tables: ReadonlySet<TableId> | undefined;
  /** The only keys to read, when the index by key can find them. */
  readonly keys: readonly string[] | undefined;
  /** True when not every change of a transaction is selected with it. */
  readonly narrowed: boolean;
  accepts(record: LogRecord): boolean;
}

/** Prepares a condition over a change; the application brings it along. */
export type CompileWhere = (where: string) => { holds(view: ChangeView): boolean };

export interface SelectionContext {
  readonly source: string;
  readonly log: LogReader;
  readonly decoder: ChangeDecoder;
  readonly compileWhere: CompileWhere;
}

/** The range of the log that a request means at this moment. */
export async function resolveRange(
  request: UndoRequest,
  { source, log }: SelectionContext,
): Promise<Pick<Selection, 'from' | 'to' | 'transaction'>> {
  if ('transaction' in request) {
    const transaction = await findTransaction(request.transaction, log);
    if (transaction === null) {
      const details = { source, transaction: request.transaction };
      throw new TidingsError('UNDO_TRANSACTION_UNKNOWN', details);
    }
    return { from: transaction.first, to: transaction.last + 1, transaction };
  }
  const from = await offsetOf('to' in request ? request.to : request.since, log);
  const until = 'until' in request ? request.until : undefined;
  const to = until === undefined ? log.head : Math.min(await offsetOf(until, log), log.head);
  if (from < log.floor) {
    throw new TidingsError('LOG_PRUNED', { offset: from, source, floor: log.floor });
  }
  return { from: Math.min(from, to), to, transaction: null };
}

/** By the database's id, the newest of several; or by the position that the log shows. */
async function findTransaction(id: string, log: LogReader): Promise<LoggedTransaction | null> {
  const [found] = await log.transactionsById(id);
  return found ?? null;
}

async function offsetOf(moment: UndoMoment, log: LogReader): Promise<number> {
  const micros = typeof moment === 'string' ? parseMicros(moment) : null;
  if (micros !== null) return await offsetAtTime(micros, log);
  const place = parseStartAt(moment);
  if (typeof place === 'number') return place;
  if (place instanceof Date) return await offsetAtTime(place.getTime() * 1000, log);
  const problem = `${JSON.stringify(moment)} is neither a time such as 2026-11-21T08:00:00Z nor an offset`;
  throw new TidingsError('UNDO_REQUEST_INVALID', { problem });
}

/**
 * A time before the oldest record is refused where older records are gone: what they changed cannot
 * be told. A log that begins at offset 0 has never lost any.
 */
async function offsetAtTime(micros: number, log: LogReader): Promise<number> {
  const offset = await log.offsetAt(micros);
  return offset === log.floor && log.floor > 0 && !(await beginsBefore(micros, log)) ? 0 : offset;
}

async function beginsBefore(micros: number, log: LogReader): Promise<boolean> {
  const { records } = await log.read({ from: log.floor, limit: 1 });
  const [oldest] = records;
  return oldest !== undefined && oldest.transaction.committedAt <= micros;
}

/** Completes a range with the request's filters. */
export function selectChanges(
  request: UndoRequest,
  range: Pick<Selection, 'from' | 'to' | 'transaction'>,
  context: SelectionContext,
): Selection {
  const { log, decoder } = context;
  const patterns = request.tables === undefined ? null : compilePatterns(request.tables);
  const tables = patterns === null ? undefined : matchingTables(log, patterns);
  if (tables?.size === 0 && request.tables !== undefined) {
    const details = { source: context.source, tables: request.tables.join(', ') };
    throw new TidingsError('UNDO_NO_TABLE', details);
  }
  const operations = request.operations === undefined ? null : new Set(request.operations);
  const keys = request.keys === undefined ? null : new Set(request.keys);
  const where = request.where === undefined ? null : context.compileWhere(request.where);
  const hasActor = actorFilter(request.actor);
  const accepts = (record: LogRecord): boolean =>
    record.offset >= range.from &&
    record.offset < range.to &&
    (tables === undefined || tables.has(record.table.id)) &&
    (operations === null || operations.has(record.operation)) &&
    (keys === null || isOneOf(keys, record)) &&
    hasActor(record.transaction) &&
    (where === null || where.holds(decoder.view(record)));
  return {
    ...range,
    tables,
    keys: request.keys,
    narrowed:
      request.tables !== undefined || operations !== null || keys !== null || where !== null,
    accepts,
  };
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

function matchingTables(log: LogReader, patterns: TablePatterns): ReadonlySet<TableId> {
  const found = log.tables().filter(({ schema, name }) => patterns.matches(schema, name));
  return new Set(found.map(({ id }) => id));
}

function isOneOf(keys: ReadonlySet<string>, { key, previousKey, operation }: LogRecord): boolean {
  if (operation === ('truncate' satisfies Operation)) return false;
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
