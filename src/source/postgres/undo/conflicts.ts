import type { Assessment, ConflictReason, RowName, TargetConflict } from '../../undo-target.ts';
import { quoteIdentifier, quoteTable } from '../quote.ts';
import { keyOf } from './row-sql.ts';
import type { StagedTable, TableProblem } from './staged-table.ts';
import type { StagedTables } from './staged-tables.ts';
import type { UndoConnection } from './undo-connection.ts';

interface ConflictRow {
  readonly place: number;
  readonly reason: ConflictReason;
  readonly key: readonly string[] | null;
  readonly cause: RowName | null;
  readonly detail: string | null;
  readonly fix: string | null;
  readonly rows: number;
}

/** Conflicts per table and reason; a conflict of a table counts with all of its changes. */
export async function countConflicts(
  connection: UndoConnection,
  tables: StagedTables,
): Promise<Assessment['conflicts']> {
  const counted = await connection.rows<Pick<ConflictRow, 'place' | 'reason' | 'rows'>>(
    `SELECT place, reason, sum(rows)::integer AS rows FROM (
       SELECT DISTINCT ON (place, reason, key, CASE WHEN key IS NULL THEN ctid END)
         place, reason, rows FROM pg_temp.undo_conflict) c
     GROUP BY place, reason ORDER BY place, reason`,
  );
  const names = new Map(tables.all.map((table) => [table.place, table.name]));
  return [
    ...tableConflicts(tables).map(({ reason, table, rows }) => ({ reason, table, rows })),
    ...counted.flatMap(({ place, reason, rows }) => {
      const table = names.get(place);
      return table === undefined ? [] : [{ reason, table, rows }];
    }),
  ];
}

export async function listConflicts(
  connection: UndoConnection,
  tables: StagedTables,
  limit: number,
): Promise<readonly TargetConflict[]> {
  const whole = tableConflicts(tables);
  const rows = await connection.rows<ConflictRow>(
    `SELECT * FROM (
       SELECT DISTINCT ON (place, reason, key, CASE WHEN key IS NULL THEN ctid END)
         place, reason, key, cause, detail, fix, rows::integer AS rows
       FROM pg_temp.undo_conflict
       ORDER BY place, reason, key, CASE WHEN key IS NULL THEN ctid END) c LIMIT $1`,
    [Math.max(0, limit - whole.length)],
  );
  const found = new Map(tables.all.map((table) => [table.place, table]));
  return [
    ...whole,
    ...rows.flatMap(({ place, reason, key, cause, detail, fix, rows: count }): TargetConflict[] => {
      const table = found.get(place);
      if (table === undefined) return [];
      const columns = key === null ? [] : keyOf(table).map(({ column }) => column);
      const row = key === null ? null : { ...table.name, columns, key };
      return [
        {
          reason,
          table: table.name,
          row,
          cause: cause ?? row,
          detail: detail ?? '',
          fix: reason === 'partition-missing' && detail === null ? table.partitionFix : fix,
          rows: count,
        },
      ];
    }),
  ];
}

/** What stands against a table; not that it is uncertain when nothing of it is undone after all. */
export function problemsOf(table: StagedTable): readonly TableProblem[] {
  const problems = [...table.problems.values()];
  return table.changes > 0
    ? problems
    : problems.filter(({ reason }) => reason !== 'table-uncertain');
}

function tableConflicts(tables: StagedTables): TargetConflict[] {
  const missing = tables.missing.map(
    ({ schema, name, unreadable, detail, uncertain, changes }): TargetConflict => {
      const table = { schema, name };
      const common = { table, row: null, cause: null, rows: changes };
      if (uncertain) return { ...common, reason: 'table-uncertain', detail, fix: null };
      if (unreadable === null) return { ...common, reason: 'table-missing', detail, fix: null };
      const fix = `GRANT SELECT ON ${quoteTable(table)} TO ${quoteIdentifier(unreadable.role)};`;
      return { ...common, reason: 'no-privilege', detail: 'SELECT', fix };
    },
  );
  const problems = tables.all.flatMap((table) =>
    problemsOf(table).map((problem): TargetConflict => ({
      ...problem,
      table: table.name,
      row: null,
      cause: null,
      rows: table.changes,
    })),
  );
  return [...missing, ...problems];
}
