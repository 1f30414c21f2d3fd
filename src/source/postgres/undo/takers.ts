import { indexRows, indexValuesEqual } from './check-constraints.ts';
import type { UniqueIndex } from './index-facts.ts';
import { sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';

/** Rows `s` that are updated to a value of the index which a row `o` gives up by an update of its own. */
export function takersOf(
  table: StagedTable,
  index: UniqueIndex,
): { readonly from: string; readonly where: string } {
  const { before, after, facts } = table;
  return {
    // What an exclusion constraint asks for no hash can find; the table itself has an index for it.
    from: `${indexRows(table, index, before)} s
      JOIN ${indexRows(table, index, index.exclusion ? facts.sql : after)} o ON ${indexValuesEqual(index, 's', 'o')}`,
    where: `NOT (${sameKey(table, 's', 'o')})
      AND EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})
      AND EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 'o')})
      ${index.exclusion ? `AND EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 'o')})` : ''}`,
  };
}
