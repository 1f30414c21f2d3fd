import type { Column } from './table.ts';

/** A JSON value. Whatever JSON numbers cannot hold exactly is a string. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/**
 * An array of a database. It is nested where the value has several dimensions, which no column's type
 * tells, and a text where JSON cannot say it: a lower bound other than 1, `[0:1]={1,2}`.
 */
export type ArrayValue<Element> = ElementList<Element> | string;

/** The elements of an array, or of one of its dimensions. */
export type ElementList<Element> = readonly (Element | null | ElementList<Element>)[];

/** Turns one column's text, as the database prints it, into its JSON form (wire form v1). */
export type ValueReader = (text: string) => JsonValue;

/** What a value can be when it is read; `json` is a {@link JsonValue}. */
export type ValueType = 'boolean' | 'number' | 'string' | 'json' | { readonly literal: string };

/** What a column's reader returns: for who writes down the types of rows. */
export interface ValueForm {
  /** Each value, or each element of an array, is of one of these; null aside. */
  readonly types: readonly ValueType[];
  /** True for an {@link ArrayValue} of them. */
  readonly array: boolean;
}

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
