import type { RowCounts } from './apply.ts';
import { ACTS, restoredChildren } from './check-constraints.ts';
import type { StagedTable } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';

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
