import { quoteIdentifier, quoteTable } from '../quote.ts';
import type { RowCounts } from './apply.ts';
import { findPairs } from './bag-pairs.ts';
import { takeBagTurns } from './bag-turns.ts';
import { checkChildren, checkParents, checkUnique, type Staged } from './check-constraints.ts';
import { checkPartitions } from './check-partitions.ts';
import { checkRowConstraints, checkRules } from './check-row-constraints.ts';
import { checkBag, checkRows, lockRowsSql } from './check-rows.ts';
import { collapseBag, collapseKeyed } from './collapse.ts';
import type { ForeignKey } from './foreign-key-facts.ts';
import { knows, knowsAll } from './generated-columns.ts';
import { findInPlace } from './in-place.ts';
import { findReplaced } from './find-replaced.ts';
import type { UniqueIndex } from './index-facts.ts';
import type { StagedTable } from './staged-table.ts';
import type { TableRight } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** The checks of one table, in the order in which they have to be made over all tables. */
export const checkTable = { rows, constraints, rights };

/** Brings the staged changes to their net effect and compares that with the rows that are there. */
async function rows(connection: UndoConnection, table: StagedTable, lock: boolean): Promise<void> {
  await table.flush();
  await analyze(connection, table);
  if (table.key === null) {
    await collapseBag(connection, table);
    await checkBag(connection, table, lock && mayLock(table));
    await findPairs(connection, table);
    return;
  }
  await collapseKeyed(connection, table);
  if (lock && mayLock(table)) await connection.run(lockRowsSql(table));
  await checkRows(connection, table);
}

/** Without it the planner would take the temporary tables for tiny; the key is what they are joined by. */
async function analyze(connection: UndoConnection, table: StagedTable): Promise<void> {
  const key = (table.key ?? []).map(({ column }) => quoteIdentifier(column)).join(', ');
  const columns = key === '' ? '' : ` (${key})`;
  for (const side of [table.before, table.after]) await connection.run(`ANALYZE ${side}${columns}`);
}

function mayLock({ facts }: StagedTable): boolean {
  return facts.rights.has('UPDATE');
}

/** What unique indexes and foreign keys would say. */
async function constraints(
  connection: UndoConnection,
  table: StagedTable,
  staged: Staged,
): Promise<void> {
  const { facts } = table;
  for (const index of facts.uniqueIndexes) {
    if (isComplete(table, index)) await checkUnique(connection, table, index);
  }
  await checkRowConstraints(connection, table);
  await checkPartitions(connection, table);
  await findInPlace(connection, table);
  const indexes = facts.uniqueIndexes.filter((index) => isComplete(table, index));
  await findReplaced(connection, table, { indexes, staged });
  await takeBagTurns(connection, table, indexes);
  for (const key of facts.foreignKeys) {
    if (isSame(key.child, facts)) await checkParents(connection, table, key, staged);
    if (isSame(key.parent, facts)) await checkChildren(connection, table, key, staged);
  }
}

/** Whether the staged rows have all that the index looks at. */
function isComplete(
  table: StagedTable,
  { parts, predicate, partition, reads }: UniqueIndex,
): boolean {
  const named = parts.flatMap(({ column }) => (column === null ? [] : [column]));
  const evaluates = predicate !== null || named.length < parts.length;
  if (partition !== null || (evaluates && reads === null)) return knowsAll(table);
  return knows(table, [...named, ...(evaluates ? (reads ?? []) : [])]);
}

function isSame(left: ForeignKey['child'], right: ForeignKey['child']): boolean {
  return left.schema === right.schema && left.name === right.name;
}

const NEEDED: readonly (readonly [keyof RowCounts, readonly TableRight[]])[] = [
  ['insert', ['INSERT']],
  ['update', ['UPDATE']],
  // UPDATE is what it takes to lock a row.
  ['delete', ['DELETE', 'UPDATE']],
];

/** Whether the role may do it, and whether the database would do just that. */
function rights(table: StagedTable, counts: RowCounts): void {
  const { facts } = table;
  checkRules(table, counts);
  const missing = new Set(
    NEEDED.flatMap(([operation, needed]) =>
      counts[operation] > 0 ? needed.filter((right) => !facts.rights.has(right)) : [],
    ),
  );
  if (missing.size === 0) return;
  const list = [...missing].join(', ');
  const fix = `GRANT ${list} ON ${quoteTable(facts)} TO ${quoteIdentifier(facts.role)};`;
  table.problem('no-privilege', list, fix);
}
