/**
 * What of a value's database type Tidings itself needs to know.
 *
 * The kinds are the same for every database; each source's adapter maps its own types to them. A
 * type that has no kind here is `other` and keeps the database's own text everywhere.
 */
export type ValueKind =
  | 'boolean'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'text'
  | 'bytes'
  | 'json'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'other';

/** One column as it was when its values were captured. */
export interface Column {
  readonly name: string;
  /** The database's own name of the type, with its modifiers: `numeric(10,2)`, `text[]`. */
  readonly type: string;
  readonly kind: ValueKind;
  /** True for an array whose elements are of `kind`. */
  readonly array: boolean;
}

/** How much of a row's old state the source reports: PostgreSQL's replica identity, in general terms. */
export type RowIdentity = 'full' | 'key' | 'nothing';

/**
 * A table as it was when its changes were captured. A later change of its columns makes another
 * version; records keep pointing to theirs, so old values stay readable after any DDL.
 */
export interface TableDefinition {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Indexes into `columns` of what identifies a row, in key order; empty when nothing does. */
  readonly key: readonly number[];
  readonly identity: RowIdentity;
  /** Names the {@link Dialect} that reads the values' text. */
  readonly dialect: string;
}

/** `schema.name`, the form in which tables appear in configuration, messages and on the wire. */
export function qualifiedName(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`;
}
