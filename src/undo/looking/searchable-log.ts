import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  FindRequest,
  LoggedTransaction,
  LogReader,
  LogRecord,
  ReadRequest,
  RowFinder,
  TableId,
} from '../../log/log.ts';
import type { LogSearch, TransactionRequest } from '../../log/log-search.ts';
import { readWhatIsLeft } from './what-is-left.ts';

/** A log with everything that looking needs of it. */
export type SearchableLog = LogReader & RowFinder & LogSearch;

/** A table's name in the source. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Bytes of images per page: larger pages than a subscriber's, as only one is in memory. */
const PAGE_BYTES = 1024 * 1024;

/** Records in log order, one page of them in memory. Between pages others get their turn. */
export async function* readRecords(
  log: SearchableLog,
  request: ReadRequest & { readonly to: number },
  signal?: AbortSignal,
): AsyncGenerator<LogRecord> {
  for (let from = request.from; from < request.to;) {
    const page = await log.read({ limit: 2_048, maxBytes: PAGE_BYTES, ...request, from });
    yield* page.records;
    from = page.next;
    await nextTurn();
    signal?.throwIfAborted();
  }
}

/** The changes of one row, like {@link readRecords}; an index finds them. */
export async function* findRecords(
  log: SearchableLog,
  request: FindRequest & { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  for (let from = request.from; from < request.to;) {
    const page = await log.find({ ...request, from });
    yield* page.records;
    from = page.next;
    await nextTurn();
    signal.throwIfAborted();
  }
}

/** Transactions, newest first, like {@link readRecords}. */
export async function* readTransactions(
  log: SearchableLog,
  request: TransactionRequest & { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<LoggedTransaction> {
  for (let to = request.to; to > request.from;) {
    const page = await log.findTransactions({ ...request, to });
    yield* page.transactions;
    to = page.next;
    await nextTurn();
    signal.throwIfAborted();
  }
}

/** The record at an offset that the log has. */
export async function recordAt(log: SearchableLog, offset: number): Promise<LogRecord> {
  for (;;) {
    const page = await log.read({ from: offset, to: offset + 1, limit: 1 });
    const [record] = page.records;
    if (record !== undefined) return record;
    if (page.next > offset) throw new Error(`The log has no record at its offset ${offset}`);
  }
}

/** The first record of these versions in a range; null when there is none. */
export async function firstRecord(
  log: SearchableLog,
  request: Required<Pick<ReadRequest, 'from' | 'to' | 'tables'>>,
  signal?: AbortSignal,
): Promise<LogRecord | null> {
  if (request.tables.size === 0) return null;
  for await (const record of readRecords(log, { ...request, limit: 1 }, signal)) return record;
  return null;
}

/** The same of what the log still has of the range. */
export async function firstRecordLeft(
  log: SearchableLog,
  request: Parameters<typeof firstRecord>[1],
  signal?: AbortSignal,
): Promise<LogRecord | null> {
  return await readWhatIsLeft(log, request.from, (from) =>
    firstRecord(log, { ...request, from }, signal),
  );
}

/** Offsets that are read in one go on the way back. */
const STRETCH = 32_768;

/** The last record of these versions below an offset; null when the log has none. */
export async function lastRecordBefore(
  log: SearchableLog,
  request: { readonly to: number; readonly tables: ReadonlySet<TableId> },
  signal?: AbortSignal,
): Promise<LogRecord | null> {
  const { tables } = request;
  if (tables.size === 0) return null;
  for (let { to } = request; to > log.floor;) {
    const stretch = to;
    const last = await readWhatIsLeft(log, to - STRETCH, async (from) => {
      let found: LogRecord | null = null;
      const range = { from, to: stretch, tables };
      for await (const record of readRecords(log, range, signal)) found = record;
      return found;
    });
    if (last !== null) return last;
    to -= STRETCH;
  }
  return null;
}
