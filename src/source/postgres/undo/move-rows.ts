import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Copies staged rows of one place into another of the same table.
 * @returns how many; null when the two do not have the same columns, which is a problem of `to`.
 */
export async function moveRows(
  connection: UndoConnection,
  rows: { readonly from: StagedTable; readonly to: StagedTable },
  move: {
    readonly source: string;
    readonly target: 'before' | 'after';
    readonly offset: string;
    readonly where: string;
  },
): Promise<number | null> {
  const { from, to } = rows;
  // What is not certain of the rows is not certain where they come to.
  for (const [name, problem] of from.problems) {
    if (problem.reason === 'table-uncertain') to.problems.set(name, problem);
  }
  const known = new Set(from.columns.map(({ name }) => name));
  const unknown = to.columns.filter(({ name }) => !known.has(name));
  for (const { name } of unknown) to.problem('column-dropped', name);
  if (unknown.length > 0) return null;
  to.rows = null;
  const names = to.columns.map(({ name }) => name);
  return connection.run(
    to.insertSql(move.target, names, {
      offset: move.offset,
      values: names.map((name) => from.staged('s', name)),
      from: `${move.source} s WHERE ${move.where}`,
    }),
  );
}
