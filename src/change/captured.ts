import type { Operation } from './change.ts';

/** A change on its way from a source to the log, its images in stored form. */
export interface CapturedChange {
  /** The number under which its table version was announced. */
  readonly table: number;
  readonly operation: Operation;
  /**
   * The text of the key column, or a JSON array of texts when the key has several columns; null for
   * truncate and for tables without a key. Changes with the same table name and key are of one row.
   */
  readonly key: string | null;
  /** The key the row had before; set only when the change gives the row another one. */
  readonly previousKey: string | null;
  /** Stored form (`row-images.ts`). Valid only during the call: the memory is reused. */
  readonly images: Uint8Array;
}

/** What a transaction's end adds to what its beginning said. */
export interface TransactionEnd {
  /** Microseconds since 1970-01-01 UTC, on the database's clock; below 2^53, so exact. */
  readonly committedAt: number;
  /** JSON text that the application attached to the transaction, or null. */
  readonly context: string | null;
}
