import type { Column, TableDefinition } from '../../../change/table.ts';
import { describeChange, type Fit, fitOf } from './type-change.ts';
import type { ColumnFacts, TableFacts } from './table-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** What became of one column of a table version. */
export interface MatchedColumn {
  readonly was: Column;
  readonly now: ColumnFacts;
  readonly fit: Fit;
  /** What has changed, for people; of a column that fits plainly it is not needed. */
  readonly change: string;
}

/** Names of the columns of a partition, by their numbers; null when it is gone. */
export type PartitionColumns = ReadonlyMap<number, string> | null;

/**
 * Finds each column of a table version in the table now: by its number where that is known, so that a
 * renamed column is the same one, and one that was dropped and added again is not. A partition numbers
 * its columns in its own way; the names are those of its root.
 * @param partition of the version that was captured from one.
 * @returns in the version's order; null for a column that is not there any more.
 */
export function matchColumns(
  version: TableDefinition,
  facts: TableFacts,
  partition: PartitionColumns,
): readonly (MatchedColumn | null)[] {
  const byName = new Map(facts.columns.map((column) => [column.name, column]));
  const byNumber = new Map(facts.columns.map((column) => [column.number, column]));
  const inPartition = version.origin?.partition !== undefined;
  const find = ({ name, number }: Column): ColumnFacts | undefined => {
    // Of a partition that is gone nobody can say any more what its numbers stood for.
    if (number === undefined || (inPartition && partition === null)) return byName.get(name);
    return inPartition ? byName.get(partition?.get(number) ?? '') : byNumber.get(number);
  };
  return version.columns.map((was) => {
    const now = find(was);
    if (now === undefined) return null;
    return { was, now, fit: fitOf(was, now), change: describeChange(was, now) };
  });
}

/** Reads what the partition behind a table version calls its columns now. */
export async function readPartitionColumns(
  connection: UndoConnection,
  { origin }: TableDefinition,
): Promise<PartitionColumns> {
  if (origin?.partition === undefined) return null;
  const rows = await connection.rows<{ number: number; name: string }>(
    `SELECT attnum::integer AS "number", attname::text AS "name" FROM pg_attribute
     WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped`,
    [origin.partition.id],
  );
  return rows.length === 0 ? null : new Map(rows.map(({ number, name }) => [number, name]));
}
