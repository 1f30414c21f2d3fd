import { qualifiedName } from '../change/table.ts';
import type { Assessment } from '../source/undo-target.ts';
import type { Lacking } from './stage-changes.ts';
import type { UndoTable } from './undo-plan.ts';

/**
 * What an undo does per table; tables to which it does nothing are left out.
 * @param lacking changes that could not even be compared: their rows are in conflict.
 */
export function toTables(
  assessment: Assessment,
  lacking: readonly Lacking[],
): readonly UndoTable[] {
  const tables = new Map(
    assessment.tables.map((table): [string, UndoTable] => [
      qualifiedName(table),
      {
        table: qualifiedName(table),
        insert: table.insert,
        update: table.update,
        delete: table.delete,
        already: table.already,
        conflict: table.conflict,
      },
    ]),
  );
  for (const { table, rows } of lacking) {
    const name = qualifiedName(table);
    const found = tables.get(name) ?? { ...NOTHING, table: name };
    tables.set(name, { ...found, conflict: found.conflict + rows });
  }
  return [...tables.values()].filter((table) => rowsOf(table) + table.already + table.conflict > 0);
}

/** The same, with the rows in conflict that were there before they were left out. */
export function withLeftOut(
  tables: readonly UndoTable[],
  found: readonly UndoTable[],
): readonly UndoTable[] {
  const left = new Map(tables.map((table) => [table.table, table]));
  return found.map((table) => {
    const rest = left.get(table.table) ?? { ...NOTHING, table: table.table };
    const out = rowsOf(table) + table.conflict - rowsOf(rest) - rest.conflict;
    return { ...rest, conflict: rest.conflict + Math.max(out, 0) };
  });
}

export function totalOf(tables: readonly UndoTable[]): number {
  return tables.reduce((sum, table) => sum + rowsOf(table), 0);
}

const NOTHING = { insert: 0, update: 0, delete: 0, already: 0, conflict: 0 };

function rowsOf(table: UndoTable): number {
  return table.insert + table.update + table.delete;
}
