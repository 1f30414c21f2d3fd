import type { Cell } from '../change/row-images.ts';
import type { TableDefinition } from '../change/table.ts';

/** Which of a table's changes are captured. */
export type CapturedChanges = 'all' | 'inserts' | 'none';

/** A partition of a table that holds rows itself. */
export interface SnapshotPartition {
  readonly id: string;
  /** Its own columns: their numbers may be others than those of the table. */
  readonly columns: readonly { readonly number: number; readonly name: string }[];
}

/** How the changes of a table are captured at the moment. */
export interface CaptureNow {
  readonly captured: CapturedChanges;
  /** By what all changes of its rows are captured, by itself or as a partition: see `MarkCapture`. */
  readonly capture: string | null;
  /** True when it began to be captured by itself after this transaction of the log had begun. */
  addedAfter(transaction: { readonly id: string }): boolean;
}

/** A table as a snapshot has it. */
export interface SnapshotTable extends CaptureNow {
  /** Its columns, key and identity now. */
  readonly definition: TableDefinition;
  /** Names of its columns that the database computes: whether the log has them is up to its version. */
  readonly computed: readonly string[];
  /** Those that hold its rows; empty when it holds them itself. */
  readonly partitions: readonly SnapshotPartition[];
}

/** Which rows of a snapshot are wanted. */
export interface SnapshotRows {
  readonly schema: string;
  readonly name: string;
  /** The columns to return, in this order. */
  readonly columns: readonly string[];
  /** Only rows that have one of these lists of values in these columns. Default: all rows. */
  readonly keys?: {
    readonly columns: readonly string[];
    readonly values: readonly (readonly string[])[];
  };
  /** Partitions, by their numbers, whose rows are left out. */
  readonly without?: readonly string[];
}

/**
 * A consistent look at a source's tables as they were at one moment. It holds a connection and keeps
 * the database from cleaning up what is newer, so it should not be held longer than needed.
 */
export interface SourceSnapshot extends AsyncDisposable {
  /** A log that is complete up to here has everything that the snapshot shows. */
  readonly position: string;
  /** True when the snapshot shows what this transaction of the log did. */
  includes(transaction: { readonly id: string; readonly position: string }): boolean;
  /** By its name, or by the database's own number of it; null when there is no such table. */
  describe(
    table: { readonly schema: string; readonly name: string } | { readonly id: string },
  ): Promise<SnapshotTable | null>;
  /**
   * Rows in no order, in pages of bounded size; each value in the database's own text, as the log
   * has it.
   * @throws TidingsError `SNAPSHOT_REFUSED` when the role may not read the table, or not all of it.
   */
  rows(wanted: SnapshotRows): AsyncIterable<readonly (readonly Cell[])[]>;
}

/** The part of a source that lets its present tables be read beside the log. */
export interface SnapshotReader extends AsyncDisposable {
  /** @throws TidingsError as of connecting. */
  open(signal: AbortSignal): Promise<SourceSnapshot>;
  /** Has the source tell its present position to whoever captures it, also when nobody writes. */
  announce(signal: AbortSignal): Promise<void>;
  /**
   * True when nothing that is captured was committed after this position. Can only be told while
   * nobody captures; false also when it would take long.
   */
  unchangedSince(position: string, signal: AbortSignal): Promise<boolean>;
}
