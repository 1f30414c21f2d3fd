import { isTidingsError } from '../../../errors/tidings-error.ts';
import { quoteLiteral } from '../quote.ts';
import { keyTexts } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { ColumnFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Notes of values whose type has changed: the row's key, and whether the value was carried over. They
 * are conflicts as long as their row is staged. Of a value that was not carried over there is its text,
 * and where it stands.
 */
export const RETYPED_TABLE = `
  CREATE TEMPORARY TABLE undo_retyped (place integer, key text[], detail text, carried boolean,
    side text, at bigint, name text, was text) ON COMMIT DROP`;

/** Takes rows whose values could not be read for what they are not; see `noteRetyped`. */
export async function keepUnread(
  connection: UndoConnection,
  { place }: StagedTable,
): Promise<void> {
  await connection.run(
    `DELETE FROM pg_temp.undo_conflict c USING pg_temp.undo_retyped r
     WHERE c.place = ${place} AND r.place = c.place AND r.key = c.key AND NOT r.carried
       AND c.reason = 'already'`,
  );
}

/** Makes conflicts of the notes whose rows are part of the undo. */
export async function noteRetyped(connection: UndoConnection, table: StagedTable): Promise<void> {
  const { before, after, place } = table;
  const staged = (side: string): string => `SELECT ${keyTexts(table, 's')} FROM ${side} s`;
  const known =
    table.key === null ? '' : `AND key IN (${staged(before)} UNION ALL ${staged(after)})`;
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail)
     SELECT DISTINCT place, 'column-retyped', key, detail FROM pg_temp.undo_retyped
     WHERE place = ${place} ${known}`,
  );
}

/**
 * Makes conflicts of the rows that would come back with a value that its domain does not take: it can
 * have got another constraint since, and the database would refuse all of them.
 */
export async function noteUnfit(connection: UndoConnection, table: StagedTable): Promise<void> {
  const known = new Set(table.columns.map(({ name }) => name));
  for (const column of table.facts.columns) {
    if (column.constrained !== 'itself' || !known.has(column.name)) continue;
    const value = table.staged('s', column.name);
    try {
      await connection.attempt(() =>
        connection.rows(`SELECT count((${value})::${column.type}) FROM ${table.before} s`),
      );
    } catch (error) {
      if (!isTidingsError(error, 'UNDO_REFUSED')) throw error;
      await noteOneByOne(connection, table, column);
    }
  }
}

async function noteOneByOne(
  connection: UndoConnection,
  table: StagedTable,
  { name, type, base }: ColumnFacts,
): Promise<void> {
  const body = `BEGIN
    PERFORM value::${type};
    RETURN true;
  EXCEPTION WHEN OTHERS THEN RETURN false;
  END`;
  const value = table.staged('s', name);
  await connection.run(
    `CREATE FUNCTION pg_temp.undo_fits(value ${base ?? type}) RETURNS boolean
     LANGUAGE plpgsql AS ${quoteLiteral(body)}`,
  );
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail)
     SELECT ${table.place}, 'column-retyped', ${table.key === null ? 'NULL' : keyTexts(table, 's')},
       ${quoteLiteral(`${name}: ${type} does not take `)} || quote_nullable(left(${value}::text, 100))
     FROM ${table.before} s WHERE NOT pg_temp.undo_fits(${value})`,
  );
  await connection.run(`DROP FUNCTION pg_temp.undo_fits`);
}

/** What stands in conflict because of its type, in a few sentences: a script cannot look at it again. */
export async function tellRetyped(
  connection: UndoConnection,
  { place }: StagedTable,
): Promise<readonly string[]> {
  const found = await connection.rows<{ detail: string; rows: number }>(
    `SELECT detail, count(*)::integer AS rows FROM pg_temp.undo_conflict
     WHERE place = ${place} AND reason = 'column-retyped' GROUP BY detail ORDER BY 2 DESC, 1 LIMIT 5`,
  );
  return found.map(({ detail, rows }) => `column-retyped: ${detail} (${rows} rows)`);
}

/** Forgets notes. @returns how many rows they were of. */
export async function forgetRetyped(
  connection: UndoConnection,
  { place }: StagedTable,
  which: 'all' | 'carried',
): Promise<number> {
  const carried = which === 'carried' ? 'AND carried' : '';
  const [found] = await connection.rows<{ rows: number }>(
    `SELECT count(DISTINCT key)::integer + count(*) FILTER (WHERE key IS NULL)::integer AS rows
     FROM pg_temp.undo_retyped WHERE place = ${place} ${carried}`,
  );
  await connection.run(`DELETE FROM pg_temp.undo_retyped WHERE place = ${place} ${carried}`);
  return found?.rows ?? 0;
}
