import type { CapturedChange, TransactionEnd } from '../change/captured.ts';
import type { Dialect } from '../change/dialect.ts';
import type { MarkFound, TableMark } from '../change/mark.ts';
import type { TableDefinition } from '../change/table.ts';
import type { TablePatterns } from '../change/table-pattern.ts';
import type { NamedRelation } from './named-relation.ts';
import type { Continuation, KnownHistory } from './source-history.ts';
import type { TableName, TypedTable } from './typed-table.ts';

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
  /**
   * Between transactions: changes were made before the position that was reached last and will never
   * come, because the source did not tell them.
   */
  lost(changes: LostChanges): void;
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

/** Changes that a source did not tell. */
export interface LostChanges {
  /** They were made after this position; null when that is not known. */
  readonly from: string | null;
  /** They were made before this position. */
  readonly to: string;
  readonly reason: string;
  /** When the loss ended; microseconds since 1970-01-01 UTC, on the database's clock. */
  readonly at: number;
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
  /** What to do: a command, ready to copy, or words. */
  readonly fix?: string;
  /** The SQL that mends it, whole; at times hundreds of lines. `doctor --sql` prints it. */
  readonly sql?: string;
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

export interface SetUpOptions {
  readonly slot: 'create' | 'expect';
  /** The versions of tables that the log has: of them changes are expected. Default: none. */
  readonly known?: readonly TableDefinition[];
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
   * All that somebody may name: tables, and what looks like one.
   * @param asked of which of them the columns are told too.
   */
  relations(asked: TablePatterns | null, signal: AbortSignal): Promise<readonly NamedRelation[]>;
  /**
   * Tables as they are now, with what the values of their columns are when they are delivered; those
   * that are not there are left out. It only reads the catalogue.
   */
  describe(tables: readonly TableName[], signal: AbortSignal): Promise<readonly TypedTable[]>;
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
   * Compares the source's history with what the log has of it (invariant 15). Changes nothing in the
   * database; asked at every connect before anything else does.
   * @param known null for a log that has not begun.
   */
  continuation(known: KnownHistory | null, signal: AbortSignal): Promise<Continuation>;
  /**
   * Creates what capture needs in the database (publication, slot), or finds that it is there. With
   * slot `expect` a missing slot is not made anew: that would hide a loss, and `stream` reports it.
   * @throws TidingsError with the exact SQL to run when rights are missing.
   */
  setUp(signal: AbortSignal, options: SetUpOptions): Promise<void>;
  /**
   * What {@link tearDown} would take from others: warnings, one sentence each. Empty when nothing, or
   * when that cannot be asked.
   */
  tearDownCosts(signal: AbortSignal): Promise<readonly string[]>;
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
   * After an upgrade of the server that has carried over what capture made there: the position from
   * which on the source can deliver its changes.
   * @throws TidingsError when it was not carried over, or cannot be used.
   */
  carriedOver(signal: AbortSignal): Promise<string>;
  /**
   * Gives up on changes that cannot be had any more: makes a new slot at the database's present
   * position, and returns where the stream will begin.
   */
  restart(signal: AbortSignal): Promise<string>;
  /**
   * Has the stream begin at a position after the source's history went back: with the slot that is
   * there when it still has everything since, else as {@link restart} does.
   * @returns where the stream will begin; later than `from` when what lies between is lost.
   */
  rejoin(from: string, signal: AbortSignal): Promise<string>;
}
