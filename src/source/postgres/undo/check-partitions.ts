import { quoteIdentifier } from '../quote.ts';
import { keyOf, keyTexts } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import type { UndoConnection } from './undo-connection.ts';

/**
 * Rows that come back into a partitioned table need a partition that takes them: theirs may have been
 * dropped or detached since. That is asked of each row, because the database would refuse them all.
 */
export async function checkPartitions(
  connection: UndoConnection,
  table: StagedTable,
): Promise<void> {
  const { facts, before, place } = table;
  if (!facts.partitioned) return;
  const leaves = await connection.rows<{ bounds: string | null }>(
    `SELECT pg_get_partition_constraintdef(relid) AS bounds FROM pg_partition_tree($1::oid) WHERE isleaf
       AND relid <> $1::oid`,
    [facts.id],
  );
  // A default partition that is the only one takes everything.
  if (leaves.some(({ bounds }) => bounds === null)) return;
  const bounds = leaves.map((leaf) => `(${leaf.bounds ?? ''})`).join(' OR ');
  const key = table.key === null ? [] : keyOf(table).map(({ column }) => quoteIdentifier(column));
  const values = [...key, `(${bounds === '' ? 'false' : bounds}) AS undo_fits`].join(', ');
  await connection.run(
    `INSERT INTO pg_temp.undo_conflict (place, reason, key)
     SELECT ${place}, 'partition-missing', ${table.key === null ? 'NULL' : keyTexts(table, 's')}
     FROM (SELECT ${values} FROM ${before}) s WHERE undo_fits IS NOT TRUE`,
  );
}
