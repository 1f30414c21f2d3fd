import type { CapturedChange, TransactionEnd } from '../change/captured.ts';
import type { Operation } from '../change/change.ts';
import type { MarkFound, TableMark } from '../change/mark.ts';
import type { TableDefinition } from '../change/table.ts';

/** Numbers a table version within one log; stable for the log's life. */
export type TableId = number;

/** A table version together with its number. */
export interface LoggedTable extends TableDefinition {
  readonly id: TableId;
}

/** A transaction as the log keeps it. It covers the offsets `first` to `last`, both included. */
export interface LoggedTransaction {
  readonly first: number;
  readonly last: number;
  readonly id: string;
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC, on the database's clock; below 2^53, so exact. */
  readonly committedAt: number;
  /** JSON text that the application attached, or null. */
  readonly context: string | null;
}

/** One change in the log, its images still in stored form (`change/row-images.ts`). */
export interface LogRecord {
  readonly offset: number;
  readonly table: LoggedTable;
  readonly operation: Operation;
  /** The row's key as text (see {@link CapturedChange.key}). */
  readonly key: string | null;
  /** The key that the row had before, when this change gave it another. */
  readonly previousKey: string | null;
  readonly images: Uint8Array;
  readonly transaction: LoggedTransaction;
}

/**
 * The single writer of a log. `begin`, `append`, `commit`, `abandon` and `reached` only collect
 * (in bounded memory: a large transaction goes to disk on the way, invisible until it is whole);
 * `flush` is the commit point. Only a large transaction may bring it forward, for the whole
 * transactions before it.
 */
export interface LogWriter {
  /** The version's number; equal definitions get equal numbers. */
  defineTable(table: TableDefinition): TableId;
  /**
   * Opens a transaction. Returns false, and expects neither records nor a commit, when `position`
   * is not after the last one appended: it is already here (invariant 3).
   */
  begin(transaction: { readonly id: string; readonly position: string }): boolean;
  /**
   * `change.table` is a number that `defineTable` returned. The images are not needed afterwards.
   * @throws TidingsError like `flush`, when a transaction that exceeds the memory cannot be stored.
   */
  append(change: CapturedChange): void;
  /**
   * Notes that rows of a table came or went without a change: in the open transaction, or without
   * one when it was `found` by comparing. One that was found and says again what the newest mark of
   * that partition says is left out.
   */
  mark(mark: TableMark, found?: MarkFound): void;
  /** Ends the open transaction. One without records and marks leaves no trace. */
  commit(end: TransactionEnd): void;
  /**
   * Drops the open transaction, for instance because the connection broke in the middle of it. Also
   * to be called before a source begins anew after `append` or `flush` has thrown: until then the
   * writer refuses, with the same error, what comes after the transactions that were lost.
   */
  abandon(): void;
  /** States that the log is complete up to this source position; stored with the next flush. */
  reached(position: string): void;
  /**
   * Notes that changes between two positions are lost for good; readers see it in `gaps`.
   * @throws TidingsError what the last flush failed with, until what it lost has been appended again.
   */
  recordGap(gap: Omit<LogGap, 'offset'>): void;
  /** States which history the log goes on with, in the source's own words; stored like `reached`. */
  lineage(text: string): void;
  /**
   * Notes that the source's history went back (invariant 15); readers see it in `forks`. Nothing may
   * be pending. What follows has positions of the next history, see `change/position.ts`.
   */
  recordFork(fork: Omit<LogFork, 'offset'>): void;
  /**
   * Makes every committed transaction and the reached position durable and visible, all together.
   * Until it resolves nothing of that may be acknowledged to the source (invariant 1).
   * @throws TidingsError `LOG_FULL` when the disk is full, `LOG_IO` when it fails: the log then ends
   *   where the last flush left it, and the caller has to append the rest again from the source.
   */
  flush(): Promise<void>;
  /** Transactions with records that were made durable since the log was opened. */
  readonly durableTransactions: number;
  /** Collected and not yet flushed: records, and complete transactions among them. */
  readonly pending: { readonly records: number; readonly transactions: number };
}

/** A known loss: what the source said between the two positions is not in the log. */
export interface LogGap {
  /** The first offset after the gap. */
  readonly offset: number;
  /** Null when it is not known where it begins. */
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
  readonly at: number;
}

/**
 * The source's history went back, and the log has more of the old one: its records from `abandoned`
 * to before `offset` tell of changes that do not exist there any more.
 */
export interface LogFork {
  /** The first offset of the new history. */
  readonly offset: number;
  /** The first offset that is abandoned; equal to `offset` when the log had nothing to abandon. */
  readonly abandoned: number;
  /** The position that the log had reached. */
  readonly from: string;
  /** Where the log goes on: up to here it has what the new history has. */
  readonly to: string;
  readonly reason: string;
  /** When it was found; microseconds since 1970-01-01 UTC. */
  readonly at: number;
}

/** A {@link TableMark} in its place: with its transaction it becomes visible, or not at all. */
export interface LoggedMark extends TableMark {
  /**
   * The first offset after it. An exact one may lie between two records of its transaction, and the
   * next transaction's first offset is also that of the marks before it: then positions tell.
   */
  readonly offset: number;
  /** The offset from which on it may have happened; equal to `offset` when that is known. */
  readonly since: number;
  /** The transaction that did it; null when it was found by comparing. */
  readonly transaction: { readonly id: string; readonly position: string } | null;
  /** When it was committed, or found; microseconds since 1970-01-01 UTC. */
  readonly at: number;
}

/** Which records `read` returns, and how many. */
export interface ReadRequest {
  readonly from: number;
  /** Exclusive; at most the head, which is the default. */
  readonly to?: number;
  /** Only records of these tables' versions. */
  readonly tables?: ReadonlySet<TableId>;
  /** Only records of these operations. */
  readonly operations?: ReadonlySet<Operation>;
  /**
   * Leaves out records whose images certainly do not have these bytes. Those that are returned may
   * not have them either; it spares a search for a value most of the decoding.
   */
  readonly containing?: Uint8Array;
  /** Stops after this many records. Default 1,000. */
  readonly limit?: number;
  /** Stops once this many bytes of images are collected; at least one record. Default 1 MiB. */
  readonly maxBytes?: number;
}

/**
 * A page of records. `next` is where the following read goes on, also when `records` is empty: a page
 * may end before its limits, so that a long search does not hold up everything else.
 */
export interface ReadPage {
  readonly records: readonly LogRecord[];
  readonly next: number;
}

/** The durable sequence of one source's changes, as readers see it. Offsets are dense (invariant 3). */
export interface LogReader {
  /** The next offset: one past the last record of the last whole transaction. */
  readonly head: number;
  /** The oldest offset still there. */
  readonly floor: number;
  /** The source position up to which the log is complete; null for a new log. */
  readonly position: string | null;
  /** What {@link LogWriter.lineage} stated last; null when nothing was. */
  readonly lineage: string | null;
  tables(): readonly LoggedTable[];
  /** Those from the floor on, and of partitions that were there the last one before; in log order. */
  marks(): readonly LoggedMark[];
  /**
   * Records from `from` on, whole transactions or not, never beyond the head.
   * @throws TidingsError `LOG_PRUNED` when `from` is below the floor.
   */
  read(request: ReadRequest): Promise<ReadPage>;
  /** The first offset whose transaction committed at or after this time (microseconds); else head. */
  offsetAt(committedAt: number): Promise<number>;
  /** Transactions with this database id, newest first; ids recur after a wrap-around. */
  transactionsById(id: string): Promise<readonly LoggedTransaction[]>;
  /** The newest transactions, newest first. */
  lastTransactions(limit: number): Promise<readonly LoggedTransaction[]>;
  gaps(): Promise<readonly LogGap[]>;
  /** In log order; those whose records are gone too are left out. */
  forks(): readonly LogFork[];
  /** Bytes on disk and number of segments. */
  size(): Promise<{ readonly bytes: number; readonly segments: number }>;
}

/** Which row's changes `find` returns; otherwise like {@link ReadRequest}. */
export interface FindRequest {
  /** The versions of the row's table: a table may have had several names. */
  readonly tables: ReadonlySet<TableId>;
  /** The row's key as text (see {@link CapturedChange.key}). */
  readonly key: string;
  /** Default: the floor. */
  readonly from?: number;
  readonly to?: number;
  readonly limit?: number;
  readonly maxBytes?: number;
}

/** A log that has an index by table and key. */
export interface RowFinder {
  /**
   * The changes of one row in log order: those with this key, those that took it from the row, and
   * truncates of its table; of all versions that were asked for. Pages like `read`.
   */
  find(request: FindRequest): Promise<ReadPage>;
}

/** A log opened for writing, with its upkeep. */
export interface Log extends LogReader, AsyncDisposable {
  readonly writer: LogWriter;
  /**
   * Removes whole segments that lie below `before` and that nobody needs (invariant 11).
   * @returns the new floor.
   */
  trim(before: number): Promise<number>;
}
