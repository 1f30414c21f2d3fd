import { keyTexts, sameKey } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';

/**
 * Notes from which key to which the changes moved rows, both ways round. Leaving one of the two out of
 * an undo would leave the row there twice, or nowhere. To be run before the changes are brought to
 * their net effect, which forgets what belongs together.
 */
export function noteMovesSql(table: StagedTable): string {
  const { before, after, offset, place } = table;
  const [was, became] = [keyTexts(table, 'b'), keyTexts(table, 'a')];
  const moved = `FROM ${before} b JOIN ${after} a ON a.${offset} = b.${offset}
    WHERE NOT (${sameKey(table, 'a', 'b')}) ${table.removed
      .map(
        ({ offset: at, rows }) =>
          `AND NOT (b.${offset} = ${at} AND EXISTS (SELECT FROM ${rows} r WHERE ${sameKey(table, 'r', 'b')}))`,
      )
      .join(' ')}`;
  return `INSERT INTO pg_temp.undo_moved (place, key, other)
    SELECT ${place}, ${was}, ${became} ${moved} UNION ALL SELECT ${place}, ${became}, ${was} ${moved}`;
}

/** A SELECT of the keys in conflict, with those that rows were moved from or to along with them. */
export function keysInConflict({ place }: StagedTable): string {
  return `WITH RECURSIVE linked (key) AS (
      SELECT key FROM pg_temp.undo_conflict WHERE place = ${place} AND key IS NOT NULL
      UNION
      SELECT m.other FROM linked l JOIN pg_temp.undo_moved m ON m.place = ${place} AND m.key = l.key)
    SELECT key FROM linked`;
}
