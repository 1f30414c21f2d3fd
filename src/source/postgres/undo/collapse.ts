import { noteMovesSql } from './moved-rows.ts';
import { keyList, keyTexts, rowText, sameKey, sameRow } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Reduces what is staged to the net effect per key: what its first change found and what its last
 * one left. May be repeated after more was staged.
 *
 * Keys whose changes do not follow on each other (one in between was not selected) are noted in
 * `undo_chain`.
 */
export async function collapseKeyed(connection: UndoConnection, table: StagedTable): Promise<void> {
  if (!(await mayRepeat(connection, table))) return;
  await connection.run(noteMovesSql(table));
  const { before, after, offset, place } = table;
  const key = keyList(table, 's');
  const staged = `SELECT ${key}, s.${offset} FROM ${before} s UNION ALL SELECT ${key}, s.${offset} FROM ${after} s`;
  await connection.run(`DROP TABLE IF EXISTS pg_temp.undo_repeated`);
  const repeated = await connection.run(
    `CREATE TEMPORARY TABLE undo_repeated ON COMMIT DROP AS
     SELECT ${key}, min(s.${offset}) AS undo_first, max(s.${offset}) AS undo_last
     FROM (${staged}) s GROUP BY ${key} HAVING min(s.${offset}) <> max(s.${offset})`,
  );
  if (repeated === 0) return;
  table.rows = null;
  await connection.run(`ANALYZE pg_temp.undo_repeated`);
  await connection.run(
    `INSERT INTO pg_temp.undo_chain (place, key)
     SELECT DISTINCT ${place}, ${keyTexts(table, 'e')} FROM (
       SELECT s.*, lag(s.${offset}) OVER (PARTITION BY ${key} ORDER BY s.${offset}) AS undo_earlier
       FROM (SELECT DISTINCT ${key}, s.${offset} FROM (${staged}) s
         JOIN pg_temp.undo_repeated r ON ${sameKey(table, 'r', 's')}) s) e
     LEFT JOIN ${after} a ON ${sameKey(table, 'a', 'e')} AND a.${offset} = e.undo_earlier
     LEFT JOIN ${before} b ON ${sameKey(table, 'b', 'e')} AND b.${offset} = e.${offset}
     WHERE e.undo_earlier IS NOT NULL
       AND ((a.${offset} IS NULL) <> (b.${offset} IS NULL)
         OR (a.${offset} IS NOT NULL AND NOT ${sameRow(table, 'a', 'b')}))`,
  );
  for (const [side, kept] of [
    [before, 'undo_first'],
    [after, 'undo_last'],
  ] as const) {
    await connection.run(
      `DELETE FROM ${side} s USING pg_temp.undo_repeated r
       WHERE ${sameKey(table, 's', 'r')} AND s.${offset} <> r.${kept}`,
    );
  }
}

/** A quick answer for changes that all went one way, such as the accidental delete of a table. */
async function mayRepeat(connection: UndoConnection, table: StagedTable): Promise<boolean> {
  const { rows, before, after } = table;
  if (rows === null || (rows.before > 0 && rows.after > 0)) return true;
  const [side, count] = rows.before > 0 ? [before, rows.before] : [after, rows.after];
  if (count <= 1) return false;
  const [distinct] = await connection.rows<{ keys: number }>(
    `SELECT count(DISTINCT (${keyList(table, 's')}))::integer AS keys FROM ${side} s`,
  );
  return distinct?.keys !== count;
}

/**
 * The same for rows without a key: of equal rows, as many remain as the changes added or removed
 * more of them than the other way. What one change left and another one found makes one change of the
 * two: the rows that remain at its ends get the same offset, because they go back together or not at all.
 */
export async function collapseBag(connection: UndoConnection, table: StagedTable): Promise<void> {
  const { before, after, offset } = table;
  const text = rowText(table, 's');
  const counted = (side: string): string =>
    `SELECT s.ctid AS tid, s.${offset} AS at, ${text} AS text,
       row_number() OVER (PARTITION BY ${text} ORDER BY s.${offset}) AS n FROM ${side} s`;
  await connection.run(`DROP TABLE IF EXISTS pg_temp.undo_both`);
  const both = await connection.run(
    `CREATE TEMPORARY TABLE undo_both ON COMMIT DROP AS
     SELECT a.tid AS left_tid, a.at AS left_at, b.tid AS found_tid, b.at AS found_at
     FROM (${counted(after)}) a JOIN (${counted(before)}) b USING (text, n)`,
  );
  if (both === 0) return;
  table.rows = null;
  for (const [side, tid] of [
    [after, 'left_tid'],
    [before, 'found_tid'],
  ] as const) {
    await connection.run(
      `DELETE FROM ${side} USING pg_temp.undo_both x WHERE ${side}.ctid = x.${tid}`,
    );
  }
  await connection.run(
    `WITH RECURSIVE path (first, last) AS (
       SELECT x.left_at, x.found_at FROM pg_temp.undo_both x
       WHERE NOT EXISTS (SELECT FROM pg_temp.undo_both e WHERE e.found_at = x.left_at)
       UNION
       SELECT p.first, x.found_at FROM path p JOIN pg_temp.undo_both x ON x.left_at = p.last)
     UPDATE ${after} s SET ${offset} = p.first FROM path p WHERE s.${offset} = p.last`,
  );
}
