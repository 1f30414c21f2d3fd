import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import { evaluate, indexRows, indexValuesEqual } from './check-constraints.ts';
import { rowsIn } from './partition-rows.ts';
import { keyList, keyTexts, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Finds the updates that have to be made as a delete and an insert: those that take a unique value
 * from a row that gives it up in the same statement (the database checks row by row, in no order
 * that could be chosen), and those of columns that an update may not set.
 *
 * Where rows of other tables would be deleted along with it, or values of columns that the undo does
 * not know, it is a conflict instead.
 */
export async function findReplaced(
  connection: UndoConnection,
  table: StagedTable,
  complete: (index: StagedTable['facts']['uniqueIndexes'][number]) => boolean,
): Promise<void> {
  table.replaced = 0;
  const select = replacedSql(table, complete);
  if (select === null) return;
  const { facts, place } = table;
  await connection.run(`DROP TABLE IF EXISTS ${table.replacedRows}`);
  table.replaced = await evaluate(connection, replacedEvaluates(table), select);
  if (table.replaced === 0) return;
  const conflict = async (why: string, condition: string): Promise<void> => {
    await connection.run(
      `INSERT INTO pg_temp.undo_conflict (place, reason, key, detail)
       SELECT ${place}, 'unique-taken', ${keyTexts(table, 's')},
         ${quoteLiteral(`rows exchange values, and ${why}`)}
       FROM ${table.replacedRows} s WHERE ${condition}`,
    );
  };
  for (const { parent, parentPartition, deleteAction, name } of facts.foreignKeys) {
    if (parent.schema !== facts.schema || parent.name !== facts.name) continue;
    if (deleteAction === 'a') continue;
    // The row that is deleted is the one that is there.
    const referred = `EXISTS (SELECT FROM ${rowsIn(table.after, parentPartition)} a WHERE ${sameKey(table, 'a', 's')})`;
    await conflict(`${name} acts on a delete`, referred);
  }
  if (table.addedColumns.length > 0) {
    await conflict(`${table.addedColumns.join(', ')} would be lost, added since`, 'true');
  }
}

/** Whether that statement calls functions, see `evaluate`. */
export function replacedEvaluates({ facts }: StagedTable): { readonly callsFunctions: boolean } {
  return { callsFunctions: facts.uniqueIndexes.some(({ callsFunctions }) => callsFunctions) };
}

/** The statement that notes their keys; null for a table that can have none. */
export function replacedSql(
  table: StagedTable,
  complete: (index: StagedTable['facts']['uniqueIndexes'][number]) => boolean,
): string | null {
  if (table.key === null) return null;
  const { before, after, facts } = table;
  const taken = facts.uniqueIndexes
    .filter((index) => index.immediate && index !== facts.key && complete(index))
    .map(
      // What an exclusion constraint asks for no hash can find; the table itself has an index for it.
      (index) => `SELECT ${keyList(table, 's')} FROM ${indexRows(table, index, before)} s
        JOIN ${indexRows(table, index, index.exclusion ? facts.sql : after)} o ON ${indexValuesEqual(index, 's', 'o')}
        WHERE NOT (${sameKey(table, 's', 'o')})
          AND EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 's')})
          AND EXISTS (SELECT FROM ${before} b WHERE ${sameKey(table, 'b', 'o')})
          ${index.exclusion ? `AND EXISTS (SELECT FROM ${after} a WHERE ${sameKey(table, 'a', 'o')})` : ''}`,
    );
  const known = new Set(table.columns.map(({ name }) => name));
  const fixed = facts.columns
    .filter(({ name, identity }) => identity === 'a' && known.has(name))
    .map(
      ({ name }) => `SELECT ${keyList(table, 's')} FROM ${before} s
        JOIN ${after} a ON ${sameKey(table, 'a', 's')}
        WHERE s.${quoteIdentifier(name)} OPERATOR(pg_catalog.<>) a.${quoteIdentifier(name)}`,
    );
  const found = [...taken, ...fixed];
  if (found.length === 0) return null;
  return `CREATE TEMPORARY TABLE ${table.replacedRows.replace('pg_temp.', '')} ON COMMIT DROP AS
    ${found.join(' UNION ')}`;
}
