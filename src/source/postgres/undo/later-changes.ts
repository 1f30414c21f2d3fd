import type { StoredChange } from '../../../change/stored-change.ts';
import type { FirstChange } from './certain-table.ts';
import { rowText } from './row-sql.ts';
import { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

const PLACE = 2_000_000;

/** Keeps a change that is not undone beside those that are. */
export async function stageLaterChange(
  connection: UndoConnection,
  table: StagedTable,
  change: StoredChange,
): Promise<void> {
  await (await laterChanges(connection, table, change)).add(change);
}

/** The place for such changes; made for the version of the first one. */
export async function laterChanges(
  connection: UndoConnection,
  table: StagedTable,
  first: FirstChange,
): Promise<StagedTable> {
  const { facts, place } = table;
  const options = { connection, facts, place: PLACE + place, notes: place, first };
  table.later ??= await StagedTable.create(options);
  return table.later;
}

/**
 * Compares what the undo would add and remove of equal rows with what later changes have added and
 * removed of them. The same is what is wanted already; anything else is a conflict.
 */
export async function checkLater(connection: UndoConnection, table: StagedTable): Promise<void> {
  const { later, before, after, place } = table;
  if (later === null) return;
  await later.flush();
  // A truncate can have removed rows from before a column was added.
  await table.narrow(new Set(later.columns.map(({ name }) => name)));
  const net = (more: string, less: string): string =>
    `SELECT text, sum(n) AS n FROM (
       SELECT ${rowText(table, 's')} AS text, count(*) AS n FROM ${more} s GROUP BY 1
       UNION ALL SELECT ${rowText(table, 's')}, -count(*) FROM ${less} s GROUP BY 1) changed
     GROUP BY text HAVING sum(n) <> 0`;
  await connection.run('DROP TABLE IF EXISTS pg_temp.undo_met');
  const met = await connection.run(
    `CREATE TEMPORARY TABLE undo_met ON COMMIT DROP AS
     SELECT w.text, w.n AS wanted, l.n AS later
     FROM (${net(before, after)}) w JOIN (${net(later.after, later.before)}) l USING (text)`,
  );
  if (met === 0) return;
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, detail, rows)
     SELECT ${place}, CASE WHEN wanted > 0 THEN 're-created' ELSE 'changed-later' END, text, abs(wanted)
     FROM pg_temp.undo_met WHERE wanted <> later`,
  );
  for (const [met, other] of [
    [before, after],
    [after, before],
  ] as const) {
    await connection.run(halfMetSql(table, met, other));
  }
  table.rows = null;
  for (const side of [before, after]) {
    table.already += await connection.run(
      `DELETE FROM ${side} s USING pg_temp.undo_met m
       WHERE m.wanted = m.later AND m.text = ${rowText(table, 's')} AND NOT EXISTS (
         SELECT FROM pg_temp.undo_conflict c WHERE c.place = ${place} AND c.detail = m.text)`,
    );
  }
}

/**
 * An update is undone with both of its rows or not at all: where later changes did what is wanted to
 * only one of them (the new row was deleted since), they were no undo of it.
 */
function halfMetSql(table: StagedTable, met: string, other: string): string {
  const { place, offset } = table;
  const isMet = (alias: string): string =>
    `EXISTS (SELECT FROM pg_temp.undo_met m WHERE m.wanted = m.later AND m.text = ${rowText(table, alias)})`;
  return `INSERT INTO pg_temp.undo_conflict (place, reason, detail, rows)
    SELECT ${place}, 'changed-later', ${rowText(table, 's')}, count(*)
    FROM ${met} s JOIN ${other} o ON o.${offset} = s.${offset}
    WHERE ${isMet('s')} AND NOT ${isMet('o')} GROUP BY 3`;
}
