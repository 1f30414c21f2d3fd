import { quoteIdentifier } from '../quote.ts';
import { evaluate } from './check-constraints.ts';
import type { UniqueIndex } from './index-facts.ts';
import { keyList, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { type Exchange, takeTurns } from './take-turns.ts';
import { takersOf } from './takers.ts';
import type { UndoConnection } from './undo-connection.ts';
import { identityColumns } from './writable-columns.ts';

/**
 * Finds the updates that have to be made as a delete and an insert: those that take a unique value
 * from a row that gives it up in the same statement (the database checks row by row, in no order
 * that could be chosen), and those of columns that an update may not set.
 *
 * Where rows of other tables would be deleted along with it, or values of columns that the undo does
 * not know, they are made one after the other, see `take-turns.ts`.
 */
export async function findReplaced(
  connection: UndoConnection,
  table: StagedTable,
  exchange: Exchange,
): Promise<void> {
  table.replaced = 0;
  table.turns = [];
  const indexes = exchange.indexes.filter((index) => index.immediate && index !== table.facts.key);
  const select = replacedSql(table, indexes);
  if (select === null) return;
  await connection.run(`DROP TABLE IF EXISTS ${table.replacedRows}`);
  const callsFunctions = indexes.some((index) => index.callsFunctions);
  table.replaced = await evaluate(connection, { callsFunctions }, select);
  if (table.replaced > 0) await takeTurns(connection, table, { ...exchange, indexes });
}

/** The statement that notes their keys; null for a table that can have none. */
function replacedSql(table: StagedTable, indexes: readonly UniqueIndex[]): string | null {
  if (table.key === null) return null;
  const { before, after } = table;
  const taken = indexes.map((index) => {
    const { from, where } = takersOf(table, index);
    return `SELECT ${keyList(table, 's')} FROM ${from} WHERE ${where}`;
  });
  const fixed = identityColumns(table).map(
    (name) => `SELECT ${keyList(table, 's')} FROM ${before} s
        JOIN ${after} a ON ${sameKey(table, 'a', 's')}
        WHERE s.${quoteIdentifier(name)} OPERATOR(pg_catalog.<>) a.${quoteIdentifier(name)}`,
  );
  const found = [...taken, ...fixed];
  if (found.length === 0) return null;
  return `CREATE TEMPORARY TABLE ${table.replacedRows.replace('pg_temp.', '')} ON COMMIT DROP AS
    ${found.join(' UNION ')}`;
}
