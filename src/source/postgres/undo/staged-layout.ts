import { CopyRows } from './copy-rows.ts';
import type { MatchedColumn } from './match-columns.ts';
import { TextRows } from './text-rows.ts';

/** How the images of one table version become rows of the temporary tables. */
export interface StagedLayout {
  /** Per cell of an image whether it is a column of the undo. */
  readonly kept: readonly boolean[];
  readonly before: CopyRows | TextRows;
  readonly after: CopyRows | TextRows;
  /** In the order of the version. */
  readonly columns: readonly MatchedColumn[];
  /** False when the values have to be read from texts. */
  readonly direct: boolean;
}

/** @param columns per cell of an image; null for one that is no column of the undo. */
export function toLayout(columns: readonly (MatchedColumn | null)[], wide: boolean): StagedLayout {
  const present = columns.filter((column) => column !== null);
  const kept = columns.map((column) => column !== null);
  if (wide || present.some(({ fit }) => fit !== 'plain')) {
    const rows = { before: new TextRows(columns), after: new TextRows(columns) };
    return { ...rows, kept, columns: present, direct: false };
  }
  const rows = { before: new CopyRows(kept), after: new CopyRows(kept) };
  return { ...rows, kept, columns: present, direct: true };
}
