import type { StoredChange } from '../../../change/stored-change.ts';
import type { TableDefinition } from '../../../change/table.ts';
import type { TableFacts } from './table-facts.ts';
import { isLater } from './transaction-order.ts';
import type { UndoConnection } from './undo-connection.ts';

/** A table version with the first change of it that is undone. */
export type FirstChange = Pick<StoredChange, 'table' | 'transaction'>;

/**
 * Whether the table that has a name now is the one that had it when a change was made, which a log of
 * an older version does not say (invariant 14). It is when the catalogue's entry has not changed since:
 * a rename would have made another one of it, as would a table that was made anew. The doubtful case
 * counts as the bad one: anything else that `ALTER TABLE` does to the entry looks the same.
 */
export async function isCertainTable(
  connection: UndoConnection,
  { id }: TableFacts,
  { transaction }: FirstChange,
): Promise<boolean> {
  const [entry] = await connection.rows<{ changed: string; schema: string }>(
    `SELECT c.xmin::text AS changed, n.xmin::text AS schema
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid`,
    [id],
  );
  if (entry === undefined) return false;
  return isLater(transaction.id, entry.changed) && isLater(transaction.id, entry.schema);
}

/**
 * Whether the columns of a version that has no numbers are those that have their names now. They are
 * when the same names come in the same order, without a gap that a dropped column left: no renaming
 * and adding leads there. Else when no column of the table was changed since.
 */
export async function areCertainColumns(
  connection: UndoConnection,
  { id, columns }: Pick<TableFacts, 'id' | 'columns'>,
  { table, transaction }: FirstChange,
): Promise<boolean> {
  if (table.columns.every(({ number }) => number !== undefined)) return true;
  if (areInOrder(table, columns)) return true;
  const entries = await connection.rows<{ changed: string }>(
    `SELECT DISTINCT a.xmin::text AS changed FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0`,
    [id],
  );
  return entries.every(({ changed }) => isLater(transaction.id, changed));
}

/** Older servers send no generated columns, so that a version can lack them. */
function areInOrder({ columns }: TableDefinition, now: TableFacts['columns']): boolean {
  const was = columns.map(({ name }) => name);
  const names = new Set(was);
  const first = now.filter(({ name, generated }) => !generated || names.has(name));
  if (was.some((name, at) => first[at]?.name !== name)) return false;
  const last = first[was.length - 1]?.number ?? 0;
  return now.filter(({ number }) => number <= last).length === last;
}
