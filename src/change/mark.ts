import type { TableOrigin } from './table.ts';

/**
 * What happened: a partition joined its table with the rows it had, left it and still exists, or was
 * dropped. `present` only notes that it was there: made for its table, or met at the first look. No
 * rows came or went then.
 */
export type MarkKind = 'present' | 'attached' | 'detached' | 'dropped';

/**
 * Rows of a table came or went without a change of theirs, by what was done to a partition. Whoever
 * goes back over it has to know: the changes alone do not lead to the rows that were there.
 */
export interface TableMark {
  /** The table under whose name the rows' changes are captured: the root of its partitions. */
  readonly schema: string;
  readonly name: string;
  /** The database's own number of that table (see {@link TableOrigin}); null when it is not known. */
  readonly origin: string | null;
  readonly kind: MarkKind;
  /** The partition that joined, left or is gone; null when it was the table itself. */
  readonly partition: NonNullable<TableOrigin['partition']> | null;
}

/** What is known of the time of a mark that no transaction announced: it was found by comparing. */
export interface MarkFound {
  /** Nothing of it had happened up to this position; null when that is not known either. */
  readonly after: string | null;
  /** When it was found; microseconds since 1970-01-01 UTC. */
  readonly at: number;
}

/** What a mark says, in words: `partition public.ord_1 of public.ord was detached`. */
export function markText({ schema, name, kind, partition }: TableMark): string {
  const table = `${schema}.${name}`;
  if (partition === null) return `table ${table} was ${kind}`;
  return `partition ${partition.schema}.${partition.name} of ${table} was ${kind}`;
}
