import { qualifiedName } from '../change/table.ts';
import type { LoweredCounter } from '../source/undo-target.ts';

/**
 * Says which counters of optimistic locking go down. Whoever read a row with the number that it has
 * now would find that number again after the next change, and overwrite that one unseen.
 */
export function counterWarnings(lowered: readonly LoweredCounter[]): readonly string[] {
  return lowered.map(({ column, rows, raise, ...table }) => {
    const some = rows === 1 ? 'one row' : `${rows} rows`;
    return `${qualifiedName(table)}.${column} of ${some} goes back to a lower number. Where programs check it before they write (optimistic locking), raise it above what it is now, right after the undo: ${raise}`;
  });
}
