import type { Cell } from '../../change/row-images.ts';

/** A row's values in the database's own texts, in the order of the columns that are shown. */
export type PastRow = readonly Cell[];

/**
 * What rows were before they changed, by key. It may grow as large as the changes that are looked
 * through, so whoever implements it keeps it on disk.
 */
export interface PastRowsByKey extends Disposable {
  /** True when something is noted under the key. */
  has(key: string): boolean;
  /** Notes what the row was (null: there was none), unless something is noted already. */
  note(key: string, row: PastRow | null): void;
  /** Returns what is noted and forgets it; undefined when nothing is. */
  take(key: string): PastRow | null | undefined;
  /** The rows that were not taken, in the order in which they were noted. */
  rest(): Iterable<PastRow>;
}

/** Rows without a key: how many more or fewer of each distinct row there were. Kept like the above. */
export interface PastRowCounts extends Disposable {
  /** There were so many more of this row than there are now. */
  add(row: PastRow, count: number): void;
  /** True, and one fewer is left over, when the row is one of those that were not there. */
  cancel(row: PastRow): boolean;
  /** The rows that were there and are not any more, each as often as it was. */
  rest(): Iterable<PastRow>;
  /** How many rows were to be cancelled and did not appear. */
  missing(): number;
}

/** Makes room for past rows. */
export interface PastRowStore {
  byKey(): PastRowsByKey;
  counts(): PastRowCounts;
}
