import type { StagedTable } from './staged-table.ts';

/** Columns that an update may not set to a value. */
export function identityColumns({ facts, columns }: StagedTable): readonly string[] {
  const known = new Set(columns.map(({ name }) => name));
  return facts.columns.flatMap(({ name, identity }) =>
    identity === 'a' && known.has(name) ? [name] : [],
  );
}

/** Columns that an update may set. */
export function writableColumns(table: StagedTable): readonly string[] {
  const fixed = new Set(identityColumns(table));
  return table.columns.map(({ name }) => name).filter((name) => !fixed.has(name));
}
