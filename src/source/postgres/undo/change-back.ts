import { isTidingsError } from '../../../errors/tidings-error.ts';
import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import { keyOf } from './row-sql.ts';
import { hasValuesLeft } from './same-values.ts';
import type { StagedPairs } from './staged-pairs.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

const SAVEPOINT = 'undo_change_back';
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * The short way for the commonest accident, an UPDATE of many rows that nobody has touched since: locks,
 * compares and writes in one statement, instead of one after the other over all rows.
 *
 * Its count proves that it was right (invariant 9). A row is written when it is still what the change
 * left; a row is written once, with however many changes it is joined. So as many rows as changes means
 * that each change was of another row, and that nobody has changed one since. A row that somebody else
 * is changing is waited for, and the database compares again with what came of it (READ COMMITTED); one
 * that is gone, has another key, or was deleted and put there anew is not written.
 *
 * What unique indexes and foreign keys say, the database says itself. When anything stands against it,
 * all of it is rolled back to where it began, and the caller finds out what it is, row by row.
 *
 * @returns whether the rows are written, which locks them as well.
 */
export async function changeBack(connection: UndoConnection, table: StagedTable): Promise<boolean> {
  const { pairs, changes } = table;
  if (pairs === null || !mayChangeBack(table, pairs)) return false;
  if (await hasRules(connection, table)) return false;
  await connection.run(`SAVEPOINT ${SAVEPOINT}`);
  let written = 0;
  try {
    await connection.withOwnSettings(async () => {
      written = await connection.run(changeBackSql(table, pairs));
      if (written === changes) await connection.run('SET CONSTRAINTS ALL IMMEDIATE');
    });
  } catch (error) {
    if (!mayComeOtherwise(error)) throw error;
    written = 0;
  }
  if (written === changes) return true;
  await takeBack(connection);
  return false;
}

/** Takes back what {@link changeBack} has written. */
export async function takeBack(connection: UndoConnection): Promise<void> {
  await connection.run(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
}

/**
 * What the database refused, it may allow in another order, or when rows are left out; who waited in a
 * circle may get what he wants when he asks for rows in the order of their keys. A lock that was not to
 * be had for as long as an undo waits is neither.
 */
function mayComeOtherwise(error: unknown): boolean {
  if (isTidingsError(error, 'UNDO_REFUSED')) return true;
  return isTidingsError(error, 'UNDO_LOCKED') && error.details.state !== LOCK_NOT_AVAILABLE;
}

/**
 * Only updates, of a table where writing a row does nothing but that: no trigger, no rule, and no row
 * elsewhere that follows another value than the key, which has to be what it was.
 */
function mayChangeBack(
  { key, changes, problems, facts }: StagedTable,
  pairs: StagedPairs,
): boolean {
  if (key === null || pairs.rows !== changes || problems.size > 0) return false;
  if (facts.triggers.length > 0 || facts.constraints.rules.length > 0) return false;
  if (!facts.rights.has('UPDATE')) return false;
  const { changed } = pairs;
  const names = new Set(key.map(({ column }) => column));
  const always = facts.columns.flatMap(({ name, identity }) => (identity === 'a' ? [name] : []));
  if (changed.size === 0 || [...names, ...always].some((name) => changed.has(name))) return false;
  return facts.foreignKeys.every(
    ({ parent, parentColumns, parentPartition }) =>
      parent.schema !== facts.schema ||
      parent.name !== facts.name ||
      // A row that moves leaves the partition that it is referred to in.
      (parentPartition === null && parentColumns.every((name) => !changed.has(name))),
  );
}

/** Rules do something else, or something more, which the count does not say. */
async function hasRules(connection: UndoConnection, { facts }: StagedTable): Promise<boolean> {
  const [row] = await connection.rows<{ rules: boolean }>(
    `SELECT relhasrules AS rules FROM pg_class WHERE oid = ${quoteLiteral(quoteTable(facts))}::regclass`,
  );
  return row?.rules !== false;
}

function changeBackSql(table: StagedTable, pairs: StagedPairs): string {
  const { facts } = table;
  const set = [...pairs.changed].map(
    (name) => `${quoteIdentifier(name)} = ${pairs.oldValue('p', name)}`,
  );
  const sameKey = keyOf(table).map(
    ({ column, operator }) =>
      `t.${quoteIdentifier(column)} ${operator} ${pairs.newValue('p', column)}`,
  );
  return `UPDATE ${facts.sql} t SET ${set.join(', ')} FROM ${pairs.name} p
    WHERE ${sameKey.join(' AND ')}
      AND ${hasValuesLeft(table, pairs)}`;
}
