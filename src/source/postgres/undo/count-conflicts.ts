import type { RowCounts } from './apply.ts';
import { chooseKeysSql } from './check-rows.ts';
import { keysInConflict } from './moved-rows.ts';
import { noRow, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

const NONE: RowCounts = { insert: 0, update: 0, delete: 0 };

/**
 * How many of a table's rows stand in conflict, by what would be done to them; the rest could be
 * written. Which they are is kept with the table.
 */
export async function countInConflict(
  connection: UndoConnection,
  table: StagedTable,
  all: RowCounts,
): Promise<RowCounts> {
  table.inConflict = 'none';
  if (table.problems.size === 0) {
    const [found] = await connection.rows<{ some: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_temp.undo_conflict WHERE place = ${table.place}) AS some`,
    );
    if (found?.some !== true) return NONE;
  }
  // Equal rows without a key cannot be told apart, so they go back together or not at all.
  if (table.problems.size > 0 || table.key === null) {
    table.inConflict = 'all';
    return all;
  }
  table.inConflict = 'some';
  const { before, after, conflictRows } = table;
  await connection.run(`DROP TABLE IF EXISTS ${conflictRows}`);
  const name = conflictRows.replace('pg_temp.', '');
  await connection.run(chooseKeysSql(table, name, keysInConflict(table)));
  const [counts] = await connection.rows<RowCounts>(
    `SELECT count(*) FILTER (WHERE ${noRow(table, 'a')})::integer AS "insert",
       count(*) FILTER (WHERE NOT ${noRow(table, 'a')} AND NOT ${noRow(table, 'b')})::integer AS "update",
       count(*) FILTER (WHERE ${noRow(table, 'b')})::integer AS "delete"
     FROM ${conflictRows} c LEFT JOIN ${before} b ON ${sameKey(table, 'b', 'c')}
       LEFT JOIN ${after} a ON ${sameKey(table, 'a', 'c')}`,
  );
  return counts ?? NONE;
}
