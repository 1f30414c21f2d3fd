import type { StoredChange } from '../../../change/stored-change.ts';
import type { TruncatedTable } from '../../undo-target.ts';
import type { FirstChange } from './certain-table.ts';
import { collapseKeyed } from './collapse.ts';
import { laterChanges } from './later-changes.ts';
import { moveRows } from './move-rows.ts';
import { rowText } from './row-sql.ts';
import { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Stages the rows that a truncate removed, as the log knows them: the history of the table is
 * brought to its net effect in temporary tables of its own, and what it left is what went.
 */
export async function stageTruncated(options: {
  readonly connection: UndoConnection;
  readonly tables: StagedTables;
  readonly truncate: TruncatedTable;
  readonly history: AsyncIterable<readonly StoredChange[]>;
  /** True for a truncate that is not undone: its rows go beside the other later changes. */
  readonly later?: boolean;
}): Promise<void> {
  const { connection, tables, truncate, history, later = false } = options;
  let past: StagedTable | null = null;
  let table: StagedTable | null = null;
  let version: FirstChange | null = null;
  for await (const changes of history) {
    for (const change of changes) {
      if (version === null) {
        // What was dropped before the truncate is not missed: its rows did not have it any more.
        version = { table: truncate.table, transaction: change.transaction };
        table = await tables.enter(version);
        await table?.meet(version);
      }
      if (table === null) {
        tables.lose(truncate.table);
        return;
      }
      past ??= await StagedTable.create({
        connection,
        facts: table.facts,
        place: tables.placeOfTruncated(),
        notes: table.place,
        first: version,
        fill: true,
      });
      await past.add(change);
    }
  }
  if (past === null || table === null || version === null) return;
  await past.flush();
  if (past.key === null) await dropRemoved(connection, past);
  else await collapseKeyed(connection, past);
  await connection.run(`DELETE FROM pg_temp.undo_chain WHERE place = ${past.place}`);
  const to = later ? await laterChanges(connection, table, version) : table;
  const move = {
    source: past.after,
    target: 'before' as const,
    offset: String(truncate.offset),
    where: 'true',
  };
  if (!later) for (const name of past.filledColumns) table.filledColumns.add(name);
  if (!later && past.key !== null)
    table.removed.push({ offset: truncate.offset, rows: past.after });
  const moved = await moveRows(connection, { from: past, to }, move);
  if (!later) table.changes += moved;
}

/** Rows of a bag that were removed again, or changed into others. */
async function dropRemoved(connection: UndoConnection, past: StagedTable): Promise<void> {
  const text = rowText(past, 's');
  await connection.run(
    `DELETE FROM ${past.after} USING (
       SELECT s.ctid AS tid, ${text} AS text,
         row_number() OVER (PARTITION BY ${text} ORDER BY s.${past.offset}) AS n FROM ${past.after} s) s
     JOIN (SELECT ${text} AS text, count(*) AS n FROM ${past.before} s GROUP BY 1) b USING (text)
     WHERE ${past.after}.ctid = s.tid AND s.n <= b.n`,
  );
}
