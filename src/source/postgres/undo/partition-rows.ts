import type { TableName } from '../../undo-target.ts';

/** A partition that something is true of which is not true of the table that it belongs to. */
export interface PartitionFacts extends TableName {
  /** What is true of its rows alone, as an expression over its columns; null for all rows. */
  readonly bounds: string | null;
}

/**
 * SQL for the {@link PartitionFacts} of a relation; null when it is the captured table itself. The
 * bounds hold those of every level above.
 */
export function partitionSql(relation: string, captured: string): string {
  return `(SELECT json_build_object('schema', xn.nspname, 'name', x.relname,
      'bounds', pg_get_partition_constraintdef(x.oid))
    FROM pg_class x JOIN pg_namespace xn ON xn.oid = x.relnamespace
    WHERE x.oid = ${relation} AND x.oid <> ${captured})`;
}

/**
 * The rows that are, or would be, in a partition, in a FROM clause. They are asked for by its bounds
 * and not by its name: staged rows are in no partition yet, and a role can have rights on the whole
 * table alone.
 */
export function rowsIn(from: string, partition: PartitionFacts | null): string {
  if (partition === null || partition.bounds === null) return from;
  // Before PostgreSQL 16 a subquery has to have a name.
  return `(SELECT * FROM ${from} undo_in WHERE ${partition.bounds})`;
}
