import type { Column, TableDefinition } from '../../../change/table.ts';
import type { TableName } from '../../undo-target.ts';
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

/** The partition behind a table version as it is now; null when it is gone. */
export interface PartitionNow extends TableName {
  /** False when it was detached: a table by itself. */
  readonly attached: boolean;
  /** Names of its columns, by their numbers. */
  readonly columns: ReadonlyMap<number, string>;
}

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
  partition: PartitionNow | null,
): readonly (MatchedColumn | null)[] {
  const byName = new Map(facts.columns.map((column) => [column.name, column]));
  const byNumber = new Map(facts.columns.map((column) => [column.number, column]));
  const inPartition = version.origin?.partition !== undefined;
  const find = ({ name, number }: Column): ColumnFacts | undefined => {
    // Of a partition that is gone nobody can say any more what its numbers stood for.
    if (number === undefined || (inPartition && partition === null)) return byName.get(name);
    return inPartition ? byName.get(partition?.columns.get(number) ?? '') : byNumber.get(number);
  };
  return version.columns.map((was) => {
    const now = find(was);
    if (now === undefined) return null;
    return { was, now, fit: fitOf(was, now), change: describeChange(was, now) };
  });
}

/** Whether the version's columns are the table's by their numbers: a column never gets one again. */
export function isNumbered(
  { columns, origin }: TableDefinition,
  partition: PartitionNow | null,
): boolean {
  if (origin?.partition !== undefined && partition === null) return false;
  return columns.every(({ number }) => number !== undefined);
}

/** Reads what the partition behind a table version is now; null for a version without one, too. */
export async function readPartition(
  connection: UndoConnection,
  { origin }: TableDefinition,
): Promise<PartitionNow | null> {
  if (origin?.partition === undefined) return null;
  const [found] = await connection.rows<
    TableName & {
      readonly attached: boolean;
      readonly columns: readonly { readonly number: number; readonly name: string }[] | null;
    }
  >(
    `SELECT n.nspname::text AS "schema", c.relname::text AS "name",
       EXISTS (SELECT FROM pg_partition_ancestors(c.oid) WHERE relid = $2::oid) AS "attached",
       (SELECT json_agg(json_build_object('number', attnum, 'name', attname)) FROM pg_attribute
         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS "columns"
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid`,
    [origin.partition.id, origin.id],
  );
  if (found === undefined) return null;
  const columns = (found.columns ?? []).map(({ number, name }): [number, string] => [number, name]);
  return { ...found, columns: new Map(columns) };
}
