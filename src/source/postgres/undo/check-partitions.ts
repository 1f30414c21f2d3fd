import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import { keyOf, keyTexts } from './row-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { textsOf } from './texts-of.ts';
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
 * A row that is not in the table any more may be in a partition that was detached: then it is not as
 * if the undo had been made already. To be asked before such rows are left out.
 */
export async function noteDetached(connection: UndoConnection, table: StagedTable): Promise<void> {
  const key = (table.key ?? []).map(({ column }) => column);
  for (const [name, partition] of table.detached) {
    const known = new Set(partition.columns.values());
    if (key.length === 0 || !key.every((column) => known.has(column))) continue;
    const sql = quoteTable(partition);
    const [readable] = await connection.rows<{ yes: boolean }>(
      `SELECT has_table_privilege(${quoteLiteral(sql)}, 'SELECT') AS yes`,
    );
    const where =
      readable?.yes === true ? `AND key IN (SELECT ${textsOf(key, 't')} FROM ${sql} t)` : '';
    const detail = quoteLiteral(`it may be in ${name}, which is a table by itself now`);
    await connection.run(
      `UPDATE pg_temp.undo_conflict SET reason = 'partition-missing', detail = ${detail}
       WHERE place = ${table.place} AND reason = 'already' ${where}
         AND key IN (SELECT ${keyTexts(table, 's')} FROM ${table.after} s)`,
    );
  }
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
