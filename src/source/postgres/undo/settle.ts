import { qualifiedName } from '../../../change/table.ts';
import { quoteIdentifier } from '../quote.ts';
import { chooseKeysSql, dropKeys } from './check-rows.ts';
import { noteDependents } from './note-dependents.ts';
import { keysInConflict } from './moved-rows.ts';
import { forgetRetyped } from './retyped-notes.ts';
import { sameKey } from './row-sql.ts';
import { LAST, type StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';

/** What an undo may overwrite when it is told to. */
const FORCED = `reason IN ('changed-later', 're-created')`;

/** What a forced undo does not put back in a table, a sentence each. */
export function lossesOf({ without, facts }: StagedTable): readonly string[] {
  return [...without].map(
    (column) =>
      `Values of column ${column} of ${qualifiedName(facts)} are not put back: it was dropped, or newly made, since.`,
  );
}

/** Does away with conflicts; see the port. */
export async function settle(
  connection: UndoConnection,
  tables: StagedTables,
  mode: 'skip' | 'force',
): Promise<number> {
  let rows = mode === 'skip' ? tables.forgetMissing() : 0;
  if (mode === 'skip') await noteDependents(connection, tables);
  for (const table of tables.all) {
    rows += await (mode === 'skip' ? skip(connection, table) : force(connection, table));
  }
  return rows;
}

/** Rows in conflict go out; a table in conflict, or one whose rows have no key, as a whole. */
async function skip(connection: UndoConnection, table: StagedTable): Promise<number> {
  const [found] = await connection.rows<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM pg_temp.undo_conflict WHERE place = ${table.place}`,
  );
  const conflicts = found?.rows ?? 0;
  if (table.problems.size === 0 && conflicts === 0) return 0;
  if (table.problems.size > 0 || table.key === null) {
    const left = await connection.run(`DELETE FROM ${table.before}`);
    const other = await connection.run(`DELETE FROM ${table.after}`);
    table.problems.clear();
    await forgetRetyped(connection, table, 'all');
    table.rows = null;
    return Math.max(left, other);
  }
  const dropped = await dropKeys(connection, table, keysInConflict(table));
  await forgetRetyped(connection, table, 'all');
  await connection.run(`DELETE FROM pg_temp.undo_chain WHERE place = ${table.place}`);
  // A conflict can be of a key that the undo would leave as it is.
  return Math.max(dropped, 1);
}

/** Takes the rows as they are now for what the last change left. */
async function force(connection: UndoConnection, table: StagedTable): Promise<number> {
  // Values that could be carried over to another type; those that could not stay in conflict.
  const carried = await forgetRetyped(connection, table, 'carried');
  const forced = table.key === null ? ['table-uncertain'] : ['table-uncertain', 'column-dropped'];
  for (const [name, { reason, detail }] of table.problems) {
    if (!forced.includes(reason)) continue;
    table.problems.delete(name);
    if (reason === 'column-dropped') table.without.add(detail);
  }
  if (table.key === null) return carried;
  table.rows = null;
  const { after, place, facts } = table;
  const concerned = `SELECT key FROM pg_temp.undo_conflict WHERE place = ${place} AND ${FORCED}`;
  await connection.run(chooseKeysSql(table, 'undo_forced', concerned));
  await connection.run(
    `DELETE FROM ${after} s USING pg_temp.undo_forced f WHERE ${sameKey(table, 's', 'f')}`,
  );
  const names = table.columns.map(({ name }) => name);
  await connection.run(
    table.insertSql('after', names, {
      offset: String(LAST),
      values: names.map((name) => `t.${quoteIdentifier(name)}`),
      from: `${facts.sql} t JOIN pg_temp.undo_forced f ON ${sameKey(table, 't', 'f')}`,
    }),
  );
  const [found] = await connection.rows<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM pg_temp.undo_forced`,
  );
  await connection.run('DROP TABLE pg_temp.undo_forced');
  await connection.run(`DELETE FROM pg_temp.undo_chain WHERE place = ${place}`);
  return (found?.rows ?? 0) + carried;
}
