import type { UndoOperation } from '../../undo-target.ts';
import { quoteIdentifier } from '../quote.ts';
import { insertSql, type RowCounts, writeAllSql, type WrittenPart } from './apply.ts';
import { ACTS, restoredChildren } from './check-constraints.ts';
import { sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';
import { identityColumns } from './writable-columns.ts';

/**
 * How often rows are put right again that foreign keys have changed. Each round can set off actions on
 * the tables below; a chain of so many tables has not been seen.
 */
export const ROUNDS = 10;

/** A table with rows that come back and that foreign keys act on while they do. */
export interface ActedOn {
  readonly table: StagedTable;
  /** The columns that the actions can have set. */
  readonly columns: readonly string[];
}

/**
 * Finds the tables whose rows foreign keys delete or change when they have just come back: an action
 * goes by the value that a parent gives up and not by the parent, so it also takes rows that refer to
 * the one which has the value again.
 */
export async function findActedOn(
  connection: UndoConnection,
  tables: StagedTables,
  counts: ReadonlyMap<StagedTable, RowCounts>,
): Promise<readonly ActedOn[]> {
  const found = new Map<StagedTable, Set<string>>();
  const comesBack = (table: StagedTable): boolean => {
    const { insert = 0, update = 0 } = counts.get(table) ?? {};
    return insert + update > 0;
  };
  const waiting: StagedTable[] = [];
  const add = (child: StagedTable, columns: readonly string[]): void => {
    const known = found.get(child) ?? new Set<string>();
    if (!found.has(child)) waiting.push(child);
    for (const column of columns) known.add(column);
    found.set(child, known);
  };
  for (const { parent, child, key } of actions(tables)) {
    const { update = 0, delete: deleted = 0 } = counts.get(parent) ?? {};
    if (update + deleted === 0 || !comesBack(child)) continue;
    const select = restoredChildren(parent, key, child);
    if (select === null) continue;
    const [row] = await connection.rows<{ some: boolean }>(
      `SELECT EXISTS (SELECT ${select}) AS some`,
    );
    if (row?.some === true) add(child, key.childColumns);
  }
  // What is deleted along has children of its own.
  for (let table = waiting.pop(); table !== undefined; table = waiting.pop()) {
    for (const { parent, child, key } of actions(tables)) {
      if (parent === table && comesBack(child)) add(child, key.childColumns);
    }
  }
  return [...found].map(([table, columns]) => ({ table, columns: [...columns] }));
}

function* actions(tables: StagedTables): Generator<{
  parent: StagedTable;
  child: StagedTable;
  key: StagedTable['facts']['foreignKeys'][number];
}> {
  for (const parent of tables.all) {
    const { schema, name, foreignKeys } = parent.facts;
    for (const key of foreignKeys) {
      const child = tables.find(key.child);
      const own = key.parent.schema === schema && key.parent.name === name;
      if (!own || child === undefined) continue;
      if (ACTS.has(key.deleteAction) || ACTS.has(key.updateAction)) yield { parent, child, key };
    }
  }
}

/**
 * Tables whose rows are put back after everything else, so that no action finds them. Nothing refers
 * to their rows, so that nothing can miss them until then.
 */
export function lateTables(acted: readonly ActedOn[]): ReadonlySet<StagedTable> {
  const leaves = acted.filter(
    ({ table: { facts, replaced } }) =>
      replaced === 0 &&
      !facts.foreignKeys.some(
        ({ parent }) => parent.schema === facts.schema && parent.name === facts.name,
      ),
  );
  return new Set(leaves.map(({ table }) => table));
}

/** A statement that puts rows right again which an action has removed or changed. */
export interface Repair {
  readonly table: StagedTable;
  readonly operation: 'insert' | 'update';
  readonly sql: string;
}

/** Rows without a key, and values in columns added since, cannot be put right: that shows at the end. */
export function repairsOf(acted: readonly ActedOn[]): readonly Repair[] {
  return acted.flatMap(({ table, columns }) => {
    if (table.key === null) return [];
    const { before, facts } = table;
    const repairs: Repair[] = [];
    if (table.addedColumns.length === 0) {
      const gone = `NOT EXISTS (SELECT FROM ${facts.sql} t WHERE ${sameKey(table, 't', 's')})`;
      repairs.push({ table, operation: 'insert', sql: insertSql(table, gone) });
    }
    const known = new Set(table.columns.map(({ name }) => name));
    const fixed = new Set(identityColumns(table));
    const set = columns.filter((name) => known.has(name) && !fixed.has(name)).map(quoteIdentifier);
    if (set.length === 0) return repairs;
    const row = (alias: string): string =>
      `ROW(${set.map((name) => `${alias}.${name}`).join(', ')})::record`;
    repairs.push({
      table,
      operation: 'update',
      sql: `UPDATE ${facts.sql} t SET ${set.map((name) => `${name} = s.${name}`).join(', ')}
        FROM ${before} s WHERE ${sameKey(table, 't', 's')}
          AND NOT ${row('t')} OPERATOR(pg_catalog.*=) ${row('s')}`,
    });
    return repairs;
  });
}

/** Takes note of what was written. */
export interface Notes {
  note(table: StagedTable, operation: UndoOperation, rows: number): Promise<void>;
}

/** Puts rows right until no action takes one away any more. What is still wrong then shows at the end. */
export async function putRight(
  connection: UndoConnection,
  acted: readonly ActedOn[],
  notes: Notes,
): Promise<void> {
  const repairs = repairsOf(acted);
  if (repairs.length === 0) return;
  const sql = writeAllSql(repairs.map((repair) => repair.sql));
  for (let round = 0; round < ROUNDS; round++) {
    let written = 0;
    for (const { part, affected } of await connection.rows<WrittenPart>(sql)) {
      const repair = repairs[part];
      if (repair === undefined || affected === 0) continue;
      written += affected;
      await notes.note(repair.table, repair.operation, affected);
      // Each row that is put back is one that an action has deleted.
      if (repair.operation === 'insert') await notes.note(repair.table, 'delete', affected);
    }
    if (written === 0) return;
  }
}
