import { qualifiedName } from '../change/table.ts';
import type { Assessment } from '../source/undo-target.ts';
import type { UndoTable } from './undo-plan.ts';

/** What an undo does per table; tables to which it does nothing are left out. */
export function toTables(assessment: Assessment): readonly UndoTable[] {
  return assessment.tables
    .map((table) => ({
      table: qualifiedName(table),
      insert: table.insert,
      update: table.update,
      delete: table.delete,
      already: table.already,
    }))
    .filter((table) => rowsOf(table) + table.already > 0);
}

export function totalOf(tables: readonly UndoTable[]): number {
  return tables.reduce((sum, table) => sum + rowsOf(table), 0);
}

function rowsOf(table: UndoTable): number {
  return table.insert + table.update + table.delete;
}
