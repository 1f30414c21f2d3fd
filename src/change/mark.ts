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
  /** Of one that joined: how it hangs below the table, from itself upwards. Absent: not known. */
  readonly links?: readonly PartitionLink[];
  /** The link that was made or cut. Absent: not known. */
  readonly link?: PartitionLink;
  /** Of one that was attached or detached. Absent: not known. */
  readonly capture?: MarkCapture;
}

/** How a partition, or a table of partitions, hangs below the table above it. */
export interface PartitionLink {
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  readonly parent: { readonly schema: string; readonly name: string };
  /** Which rows are there, as the source's SQL has it: `FOR VALUES IN (1)`. Absent: not known. */
  readonly bounds?: string;
}

/**
 * By what a partition's changes were captured before a mark and after it: the source's own name of
 * that, which nothing has had before and nothing will have again. Null: not at all, or not everything.
 */
export interface MarkCapture {
  readonly before: string | null;
  readonly after: string | null;
}

/** What is known of the time of a mark that no transaction announced: it was found by comparing. */
export interface MarkFound {
  /** Nothing of it had happened up to this position; null when that is not known either. */
  readonly after: string | null;
  /** When it was found; microseconds since 1970-01-01 UTC. */
  readonly at: number;
}

/** True when the partition is a part of its table from this mark on. */
export function isPart({ kind }: Pick<TableMark, 'kind'>): boolean {
  return kind === 'present' || kind === 'attached';
}

/** What a mark says, in words: `partition public.ord_1 of public.ord was detached`. */
export function markText({ schema, name, kind, partition }: TableMark): string {
  const table = `${schema}.${name}`;
  if (partition === null) return `table ${table} was ${kind}`;
  return `partition ${partition.schema}.${partition.name} of ${table} was ${kind}`;
}
