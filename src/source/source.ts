import type { CapturedChange, TransactionEnd } from '../change/captured.ts';
import type { Dialect } from '../change/dialect.ts';
import type { MarkFound, TableMark } from '../change/mark.ts';
import type { TableDefinition } from '../change/table.ts';

/**
 * Takes what a source streams, in the source's order. Calls are synchronous and never interleave;
 * only `burst` may ask the source to wait.
 */
export interface ChangeReceiver {
  /** The connection stands and changes will come; called once per connection. */
  streaming(): void;
  /** Announces a table version; the returned number stands for it in {@link CapturedChange.table}. */
  table(definition: TableDefinition): number;
  /** A transaction follows. False means: already in the log, skip all of it. */
  begin(transaction: { readonly id: string; readonly position: string }): boolean;
  change(change: CapturedChange): void;
  /**
   * Rows came or went without a change. Without `found` it happened in the open transaction, between
   * the changes before and after this call. With `found` it is known from comparing: the call comes
   * between transactions, once the stream has passed the moment of the comparison, so that what
   * follows is certainly later.
   */
  mark(mark: TableMark, found?: MarkFound): void;
  /**
   * The open transaction is whole. `reached` is the position after it: once that is durable, the
   * source may forget everything before it.
   */
  commit(end: TransactionEnd, reached: string): void;
  /** The open transaction will not be finished on this connection; it comes again, whole. */
  abandon(): void;
  /** Nothing before this position is still to come (the server said so between transactions). */
  idle(reached: string): void;
  /**
   * What had arrived has been handed over. The source reads no further until a returned promise
   * resolves; if it rejects, the stream ends with that error.
   */
  burst(): Promise<void> | undefined;
}

/** How a stream runs. */
export interface StreamOptions {
  /** The position up to which the log is complete; null when the log is new. */
  readonly from: string | null;
  /** What the log knows: versions of tables, oldest first, and marks. Default: nothing. */
  readonly known?: {
    readonly tables: readonly TableDefinition[];
    readonly marks: readonly TableMark[];
  };
  readonly receiver: ChangeReceiver;
  readonly signal: AbortSignal;
}

/** Which transactions a fresh read on the source sees at this moment. */
export interface VisibilitySnapshot {
  visible(transactionId: string): boolean;
  /**
   * Ids of transactions that had begun, and that a fresh read does not see yet. The newest may be
   * missing (PostgreSQL's snapshot only bounds them); for those ask `visible`.
   */
  readonly inProgress: readonly string[];
}

/** One thing that `doctor` looked at. */
export interface CheckResult {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed';
  /** What was found, in one sentence. */
  readonly message: string;
  /** What to do: a command or an SQL statement, ready to copy. */
  readonly fix?: string;
}

/** What a source knows of the distance between database and log. */
export interface SourceStatus {
  /** The database's newest position. */
  readonly head: string | null;
  /** The same as bytes since the beginning of the database's history; null when unknown. */
  readonly walBytes: number | null;
  /** Bytes of WAL or binlog the database keeps because of us (invariant 12); null when unknown. */
  readonly retainedBytes: number | null;
  /** Bytes between the database's newest position and what we acknowledged; null when unknown. */
  readonly lagBytes: number | null;
  /** Bytes that may still be written before the database gives up on us; null when unlimited. */
  readonly safeBytes: number | null;
  /** The database's own word for the state of the slot or binlog reader. */
  readonly state: string | null;
}

/** Undoes what `setUp` made; each line says one thing that was removed. */
export type Removal = readonly string[];

/** One captured upstream database. It knows no log and no subscription. */
export interface Source extends AsyncDisposable {
  readonly name: string;
  readonly dialect: Dialect;
  /** Looks at everything capture needs; never throws for what it can report. */
  check(signal: AbortSignal): Promise<readonly CheckResult[]>;
  /**
   * Names the database for good, so that a log is never continued from another one, and then by the
   * name it has; see `isSameDatabase`. PostgreSQL: its system identifier and the database's oid.
   */
  identify(signal: AbortSignal): Promise<string>;
  /**
   * Whether what capture made on the server belongs to another database and not to this one: then the
   * database that this one's name meant has another name now. PostgreSQL: the slot.
   */
  isElsewhere(signal: AbortSignal): Promise<boolean>;
  /**
   * Creates what capture needs in the database (publication, slot), or finds that it is there. With
   * slot `expect` a missing slot is not made anew: that would hide a loss, and `stream` reports it.
   * @throws TidingsError with the exact SQL to run when rights are missing.
   */
  setUp(signal: AbortSignal, options: { readonly slot: 'create' | 'expect' }): Promise<void>;
  /** Removes all that Tidings made in the database. */
  tearDown(signal: AbortSignal): Promise<Removal>;
  /**
   * One connection's worth of changes: resolves on abort, rejects when the connection ends or the
   * source cannot go on. A rejected error says by `retryable` whether connecting again may help.
   */
  stream(options: StreamOptions): Promise<void>;
  /** Everything before this position is durable; the source tells the database at its own pace. */
  acknowledge(position: string): void;
  /** One cheap query; see invariant 4. */
  visibility(signal: AbortSignal): Promise<VisibilitySnapshot>;
  status(signal: AbortSignal): Promise<SourceStatus>;
  /**
   * Gives up on changes that cannot be had any more: makes a new slot at the database's present
   * position, and returns where the stream will begin.
   */
  restart(signal: AbortSignal): Promise<string>;
}
