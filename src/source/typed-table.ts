import type { ValueForm } from '../change/dialect.ts';

/** A table by its name. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** A table as it is now, for who writes down the type of its rows. */
export interface TypedTable extends TableName {
  /** What somebody wrote about it in the database; null for nothing. */
  readonly comment: string | null;
  /** The columns that identify a row, in key order; empty when none do. */
  readonly key: readonly string[];
  /** Those that changes have, in the table's order. */
  readonly columns: readonly TypedColumn[];
}

export interface TypedColumn {
  readonly name: string;
  readonly form: ValueForm;
  /** False when the database itself sees to it that there is always a value. */
  readonly nullable: boolean;
  /** True when an update that does not change a large value may leave it out. */
  readonly leftOut: boolean;
  readonly comment: string | null;
}
