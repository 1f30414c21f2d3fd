import type { RowCounts } from './apply.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** The undo as SQL. */
export async function* scriptOf(
  _connection: UndoConnection,
  _counts: ReadonlyMap<StagedTable, RowCounts>,
  _options: { readonly context: string; readonly title: string },
): AsyncGenerator<string> {
  yield await Promise.resolve('');
}
