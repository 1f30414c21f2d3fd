import type { Column } from './table.ts';

/** A JSON value. Whatever JSON numbers cannot hold exactly is a string. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Turns one column's text, as the database prints it, into its JSON form (wire form v1). */
export type ValueReader = (text: string) => JsonValue;

/**
 * How one database family prints values. The log keeps the database's own text, which is lossless;
 * a dialect converts it on the way out. It is pure, needs no connection, and so also works in a
 * process that only has the log.
 */
export interface Dialect {
  /** Stored with each table version; never reused for something else. */
  readonly name: string;
  /** The reader for a column; called once per table version and column, so it may prepare. */
  reader(column: Column): ValueReader;
}
