import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Copies staged rows of one place into another of the same table, in the columns that both know: what
 * one does not know was added later than its rows.
 * @returns how many.
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
): Promise<number> {
  const { from, to } = rows;
  // What is not certain of the rows is not certain where they come to.
  for (const [name, problem] of from.problems) {
    if (problem.reason === 'table-uncertain') to.problems.set(name, problem);
  }
  await to.narrow(new Set(from.columns.map(({ name }) => name)));
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
