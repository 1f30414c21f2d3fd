import { quoteLiteral } from '../quote.ts';
import { keyTexts } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/** A column of one side with values that cannot be read any more, which the log has as texts. */
export interface UnreadColumn {
  readonly side: 'before' | 'after';
  readonly name: string;
}

/** Of rows with a key; without one nobody can say to which of them a text belongs. */
export async function unreadColumns(
  connection: UndoConnection,
  { key, place }: StagedTable,
): Promise<readonly UnreadColumn[]> {
  if (key === null) return [];
  return await connection.rows<UnreadColumn>(
    `SELECT DISTINCT side, name FROM pg_temp.undo_retyped
     WHERE place = ${place} AND was IS NOT NULL ORDER BY side, name`,
  );
}

/** The log's text for a row's value; null where the value itself is there. */
export function unreadText(
  table: StagedTable,
  { side, name }: UnreadColumn,
  alias: string,
): string {
  return `(SELECT r.was FROM pg_temp.undo_retyped r
    WHERE r.place = ${table.place} AND r.side = '${side}' AND r.name = ${quoteLiteral(name)}
      AND r.at = ${alias}.${table.offset} AND r.key = ${keyTexts(table, alias)} LIMIT 1)`;
}
