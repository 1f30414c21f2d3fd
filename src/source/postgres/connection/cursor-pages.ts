import type { Cell } from '../../../change/row-images.ts';

/** Bytes of text that a page of rows should have; the number of rows is fitted to it. */
const PAGE_BYTES = 1024 * 1024;
/** Before anything is known of the rows: one can have gigabytes, and the next pages grow quickly. */
export const FIRST_PAGE = 2;
const LARGEST_PAGE = 5_000;

/** So many rows as would fill a page if they are like the last ones. */
export function nextCount(rows: readonly (readonly Cell[])[]): number {
  let bytes = 1;
  for (const row of rows) for (const cell of row) bytes += cell?.length ?? 0;
  const fitting = Math.floor((PAGE_BYTES * rows.length) / bytes);
  return Math.max(1, Math.min(fitting, LARGEST_PAGE, rows.length * 4));
}
