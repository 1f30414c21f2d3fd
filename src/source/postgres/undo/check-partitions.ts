import { quoteIdentifier, quoteTable } from '../quote.ts';
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
  table.partitionFix = await defaultPartitionSql(connection, table);
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

/**
 * A partition for all that has none; null where that would not do: a table by hash has none, and below
 * its root the range of a value can be that of a partition which has partitions of its own.
 */
async function defaultPartitionSql(
  connection: UndoConnection,
  { facts }: StagedTable,
): Promise<string | null> {
  const [found] = await connection.rows<{ free: boolean; taken: readonly string[] }>(
    `SELECT p.partstrat <> 'h' AND p.partdefid = 0 AND NOT EXISTS (
         SELECT FROM pg_partition_tree(p.partrelid) WHERE level = 1 AND NOT isleaf) AS free,
       ARRAY(SELECT o.relname::text FROM pg_class o WHERE o.relnamespace = c.relnamespace) AS taken
     FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid WHERE p.partrelid = $1::oid`,
    [facts.id],
  );
  if (found?.free !== true) return null;
  const taken = new Set(found.taken);
  let name = `${facts.name.slice(0, 50)}_default`;
  while (taken.has(name)) name += '_';
  const partition = quoteTable({ schema: facts.schema, name });
  return `CREATE TABLE ${partition} PARTITION OF ${quoteTable(facts)} DEFAULT;`;
}
