import type { JsonValue } from './dialect.ts';

/** What happened to a row, or with `truncate` to all rows of a table. */
export type Operation = 'insert' | 'update' | 'delete' | 'truncate';

export const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete', 'truncate'];

/** A row in wire form v1: column name to JSON value. */
export type Row = { readonly [column: string]: JsonValue };

/** What is known of the transaction that a change belongs to. */
export interface ChangeTransaction {
  /** The database's own transaction id (PostgreSQL: the xid). */
  readonly id: string;
  /** Where it committed: opaque, sorts in commit order within one source. */
  readonly position: string;
  /** This change's place in its transaction, from 0. */
  readonly index: number;
  /** True for the transaction's last change. */
  readonly last: boolean;
  /** Commit time on the database's clock, ISO 8601 in UTC with microseconds. */
  readonly committedAt: string;
  /** What the application attached, such as `{"actor": "ann"}`; null when it attached nothing. */
  readonly context: JsonValue;
}

/** One row change as subscribers see it. */
export interface Change {
  /** `source:position:index`; the same on every attempt, endpoint and re-capture (invariant 7). */
  readonly id: string;
  readonly source: string;
  /** The record's place in the log of its source. Below 2^53: a number is exact. */
  readonly offset: number;
  readonly operation: Operation;
  readonly schema: string;
  readonly table: string;
  /**
   * The partition that held the row, of a table that has partitions; absent for others. A `truncate`
   * with a partition emptied that partition only.
   */
  readonly partition?: { readonly schema: string; readonly table: string };
  /** The columns that identify the row; null for `truncate` and for tables without a key. */
  readonly key: Row | null;
  /** The old row; only its key columns when the source does not report more; null when unknown. */
  readonly before: Row | null;
  /** The new row; a large value that did not change and is not known is left out, never null. */
  readonly after: Row | null;
  /**
   * The columns that an update gave another value; null when the old row is not known well enough
   * to tell, and for all other operations, which have nothing to compare.
   */
  readonly changed: readonly string[] | null;
  readonly transaction: ChangeTransaction;
}
