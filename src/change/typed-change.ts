import type { Change, Row } from './change.ts';

/**
 * The row types of tables by their names, `'public.orders': { id: number; … }`. It is empty here; a
 * program's own file, such as the one that `tidings types` writes, adds to it. The file has to be a
 * module, hence the `export {}`: else it takes the place of the package.
 *
 *     export {};
 *     declare module 'tidings' {
 *       interface TidingsTables { 'public.orders': { id: number; total: string } }
 *     }
 *
 * Then `register(name, 'public.orders', …)` knows the row. Merging, and no parameter of
 * `createTidings`, because handlers in modules of their own need the same types without an import of
 * the one that calls it.
 */
// oxlint-disable-next-line typescript/no-empty-object-type -- Programs add to it.
export interface TidingsTables {}

/** A row of which columns may be missing. */
export type PartialRow<TableRow extends object> = string extends keyof TableRow
  ? TableRow
  : { readonly [Column in keyof TableRow]?: TableRow[Column] };

/**
 * A row that has all its columns. A column that is optional in a row's type is one that an update may
 * leave out; an insert never does.
 */
export type WholeRow<TableRow extends object> = string extends keyof TableRow
  ? TableRow
  : { readonly [Column in keyof TableRow]-?: TableRow[Column] };

/** The names of a row's columns. */
export type ColumnOf<TableRow extends object> = keyof TableRow & string;

/** A {@link Change} of a table whose rows have a known type. */
export type TypedChange<TableRow extends object = Row> =
  | InsertChange<TableRow>
  | UpdateChange<TableRow>
  | DeleteChange<TableRow>
  | TruncateChange;

type Rest = Omit<Change, 'operation' | 'key' | 'before' | 'after' | 'changed'>;

/** An insert: there is a new row and no old one. */
export interface InsertChange<TableRow extends object = Row> extends Rest {
  readonly operation: 'insert';
  readonly key: PartialRow<TableRow> | null;
  readonly before: null;
  readonly after: WholeRow<TableRow>;
  readonly changed: null;
}

/** An update. */
export interface UpdateChange<TableRow extends object = Row> extends Rest {
  readonly operation: 'update';
  readonly key: PartialRow<TableRow> | null;
  /** The whole old row with `REPLICA IDENTITY FULL`; else only its key columns, or null. */
  readonly before: PartialRow<TableRow> | null;
  /**
   * The new row. Without `REPLICA IDENTITY FULL` a value of about 2 kB or more that did not change is
   * left out; `tidings types` marks such columns as optional.
   */
  readonly after: TableRow;
  readonly changed: readonly ColumnOf<TableRow>[] | null;
}

/** A delete: there is no new row. */
export interface DeleteChange<TableRow extends object = Row> extends Rest {
  readonly operation: 'delete';
  readonly key: PartialRow<TableRow> | null;
  /** The whole old row with `REPLICA IDENTITY FULL`; else only its key columns, or null. */
  readonly before: PartialRow<TableRow> | null;
  readonly after: null;
  readonly changed: null;
}

/** All rows are gone; there is none to show. */
export interface TruncateChange extends Rest {
  readonly operation: 'truncate';
  readonly key: null;
  readonly before: null;
  readonly after: null;
  readonly changed: null;
}
