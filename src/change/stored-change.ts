import type { Operation } from './change.ts';
import type { TableDefinition } from './table.ts';

/** The transaction of a {@link StoredChange}; covers the offsets `first` to `last`. */
export interface StoredTransaction {
  readonly first: number;
  readonly last: number;
  readonly id: string;
  readonly position: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly committedAt: number;
  readonly context: string | null;
}

/**
 * What is read of a change in stored form. A log's record is one; this type is here because changes
 * know no log. Changes of one table version must share one `table` object: it is the cache's key.
 */
export interface StoredChange {
  readonly offset: number;
  readonly table: TableDefinition;
  readonly operation: Operation;
  readonly key: string | null;
  readonly previousKey: string | null;
  readonly images: Uint8Array;
  readonly transaction: StoredTransaction;
}
