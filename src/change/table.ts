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

/**
 * What a type was made of when values of it were captured: it decides what their text means. A text
 * can go back unseen only where the shape is the same; names alone do not tell, because a type can be
 * renamed, altered, or dropped and made anew under its name.
 */
export interface TypeShape {
  /** The database's own number of the type; one that is dropped and made anew gets another. */
  readonly id: string;
  readonly is: 'base' | 'enum' | 'composite' | 'domain' | 'array' | 'range';
  /** Of an enum: its labels in order, each with a number of its own, which a rename keeps. */
  readonly labels?: readonly (readonly [id: string, label: string])[];
  /** Of a composite: its attributes in order. */
  readonly attributes?: readonly {
    readonly number: number;
    readonly name: string;
    readonly type: TypeShape;
    /** What its type was narrowed to, a length or a scale, as the database numbers it; absent: nothing. */
    readonly modifier?: number;
  }[];
  /** Of a domain its base, of an array its element, of a (multi)range what it ranges over. */
  readonly of?: TypeShape;
}

/** One column as it was when its values were captured. */
export interface Column {
  readonly name: string;
  /**
   * The database's own number of the column within its table: a rename keeps it, and a column that is
   * dropped and added again gets another. Absent: not known (invariant 14).
   */
  readonly number?: number;
  /** Absent: not known. */
  readonly shape?: TypeShape;
  /** The database's own name of the type, with its modifiers: `numeric(10,2)`, `text[]`. */
  readonly type: string;
  readonly kind: ValueKind;
  /** True for an array whose elements are of `kind`. */
  readonly array: boolean;
}

/** How much of a row's old state the source reports: PostgreSQL's replica identity, in general terms. */
export type RowIdentity = 'full' | 'key' | 'nothing';

/** A table behind its name: the database's own number of it, which a rename keeps. */
export interface TableOrigin {
  /** PostgreSQL: the oid of the table under whose name the changes are captured, a root of partitions. */
  readonly id: string;
  /** The partition that held the rows; absent when the table has none. */
  readonly partition?: {
    readonly id: string;
    readonly schema: string;
    readonly name: string;
  };
}

/**
 * A table as it was when its changes were captured. A later change of its columns makes another
 * version; records keep pointing to theirs, so old values stay readable after any DDL.
 */
export interface TableDefinition {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** Absent: not known. */
  readonly origin?: TableOrigin;
  /** Indexes into `columns` of what identifies a row, in key order; empty when nothing does. */
  readonly key: readonly number[];
  /** True when `key` is empty because it could not be learnt, not because there is none. */
  readonly keyUnknown?: boolean;
  readonly identity: RowIdentity;
  /** Names the {@link Dialect} that reads the values' text. */
  readonly dialect: string;
}

/** `schema.name`, the form in which tables appear in configuration, messages and on the wire. */
export function qualifiedName(table: { readonly schema: string; readonly name: string }): string {
  return `${table.schema}.${table.name}`;
}
