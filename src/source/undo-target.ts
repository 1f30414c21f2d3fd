import type { StoredChange } from '../change/stored-change.ts';
import type { Cell } from '../change/row-images.ts';
import type { Column, RowIdentity, TableDefinition } from '../change/table.ts';
import type { CaptureNow } from './table-snapshot.ts';

/** What an undo does to a row: the opposite of what the change did. */
export type UndoOperation = 'insert' | 'update' | 'delete';

/** Why a row, or a whole table, cannot simply go back. */
export type ConflictReason =
  /** The row is no longer what the change made of it. */
  | 'changed-later'
  /** The change removed the row, and there is one with its key again. */
  | 're-created'
  /** Another row has a value by now that has to be unique. */
  | 'unique-taken'
  /** The row refers to one that is not there. */
  | 'parent-missing'
  /** Rows that are not part of the undo refer to one that it would remove. */
  | 'child-added'
  /** The row as it was breaks a check or has no value where one is needed: the table's, by now. */
  | 'constraint-violated'
  /** A rule of the table makes something else of what the undo would write. */
  | 'rewrite-rule'
  /** The database's row security hides the row from this role. */
  | 'row-hidden'
  /** The log does not have the old row, because identity was not full. */
  | 'identity-not-full'
  /** The log does not have the rows that a truncate removed. */
  | 'truncated'
  /** Rows came or went with a partition, without a change that could be undone. */
  | 'partition-changed'
  | 'column-dropped'
  /** The type of a column is not what it was, or it is not known whether it is; of rows with a value. */
  | 'column-retyped'
  /** The partitioned table has no partition for the row. */
  | 'partition-missing'
  | 'table-missing'
  /** The log knows the table, or a column, by its name alone, and it may be another that has it now. */
  | 'table-uncertain'
  /** Going back to a moment: what the table held then is not known, it is captured only since later. */
  | 'table-added'
  /** The role lacks a right on the table. */
  | 'no-privilege';

/** Names a table in the source. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
  /** As of `TableOrigin`; absent: not known, and the name has to do. */
  readonly id?: string;
}

/** Names a row: the texts of its key columns, in key order. */
export interface RowName extends TableName {
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

/** One conflict as the database's adapter sees it. */
export interface TargetConflict {
  readonly reason: ConflictReason;
  readonly table: TableName;
  /** Null for a conflict of the whole table, and for rows without a key. */
  readonly row: RowName | null;
  /** The row whose later change is the cause, where it has a key. */
  readonly cause: RowName | null;
  /** The particulars: a column, a constraint, a missing right. */
  readonly detail: string;
  /** The statement or command that mends it, where the adapter knows one. */
  readonly fix: string | null;
  /** Rows it stands for; a conflict of a table stands for all of its rows. */
  readonly rows: number;
}

/** What an undo does to one table: to the rows that nothing stands against. */
export interface TargetTable extends TableName {
  readonly insert: number;
  readonly update: number;
  readonly delete: number;
  /**
   * Rows that are not among these, because they are in conflict, or belong together with one that is.
   * All rows of a table in conflict, and of one without a key that has a row in conflict.
   */
  readonly conflict: number;
  /** Rows that are already what they would become. */
  readonly already: number;
  /** The table's own setting now; null when the table is gone. */
  readonly identity: RowIdentity | null;
  /** Names of triggers of the application that its rows would fire. */
  readonly triggers: readonly string[];
  /** Its columns now; null when the table is gone. */
  readonly columns: readonly Column[] | null;
  /** Names of those that the database computes: whether the log has them is up to its version. */
  readonly computed: readonly string[];
  /** Columns that were added since; an undo leaves them as they are. */
  readonly addedColumns: readonly string[];
  /** Names under which its changes were captured, where they are not what it is called now. */
  readonly formerNames: readonly string[];
  /** True when the log does not say that it is the table of the changes, and not another of its name. */
  readonly onlyByName: boolean;
}

/** A column by which programs see that a row was changed since they read it, and an undo sets it back. */
export interface LoweredCounter extends TableName {
  readonly column: string;
  /** Rows in which it would be less than it is now. */
  readonly rows: number;
  /** A statement that raises it again, above what it is now. */
  readonly raise: string;
}

export interface Assessment {
  readonly tables: readonly TargetTable[];
  readonly conflicts: readonly {
    readonly reason: ConflictReason;
    readonly table: TableName;
    readonly rows: number;
  }[];
}

/** One row of an undo, in the database's own texts. */
export interface TargetRow extends TableName {
  readonly operation: UndoOperation;
  readonly columns: readonly Column[];
  /** Indexes into `columns`. */
  readonly key: readonly number[];
  /** As it is now; null when the undo brings it back. */
  readonly before: readonly Cell[] | null;
  /** As it will be; null when the undo removes it. */
  readonly after: readonly Cell[] | null;
  /** Indexes into `columns` of cells that are the log's text, because the type of now cannot read it. */
  readonly texts?: { readonly before: ReadonlySet<number>; readonly after: ReadonlySet<number> };
  /** True when it is one of the rows that `TargetTable.conflict` counts. */
  readonly conflict: boolean;
}

/** How an undo is applied. */
export interface TargetApplyOptions {
  /** JSON text that the undo's transaction carries as its context. */
  readonly context: string;
  /** Whether the application's triggers fire. */
  readonly triggers: boolean;
  /** Lets rows differ from what they were where a trigger has changed them again. */
  readonly allowTriggerChanges: boolean;
}

/** The row that the database did not take, or its table when the row could not be told. */
export interface TargetRefused {
  readonly table: TableName;
  readonly row: RowName | null;
  /** What a row without a key holds, in the database's own text. */
  readonly text: string | null;
  /** What the database said. */
  readonly reason: string;
  readonly state: string;
  /** Triggers of the application that fired. */
  readonly triggers: readonly string[];
  /** The statement that mends it, where the adapter knows one. */
  readonly fix: string | null;
}

export interface TargetApplied {
  readonly tables: readonly (TableName & {
    readonly insert: number;
    readonly update: number;
    readonly delete: number;
  })[];
  /** The transaction's id as the log will have it. */
  readonly transaction: string;
  readonly warnings: readonly string[];
}

/** A truncate, or the end of a partition, that removed rows without saying which. */
export interface TruncatedTable {
  /** The table as it was then. */
  readonly table: TableDefinition;
  /** Of the truncate; of what has none itself, that of the first change after it. */
  readonly offset: number;
}

/**
 * A place in the source's database where one undo is put together: everything in one transaction,
 * which ends with `apply` or is rolled back. It holds a connection of its own.
 *
 * The order of calls: `stage` (any number of times), `assess`; then `stage` or `settle` and `assess`
 * again as long as there are conflicts to be done away with; then `rows`, `apply` or `script`.
 */
export interface UndoWorkspace extends AsyncDisposable {
  /**
   * Says which tables, by their numbers, the versions that have none are taken for, as far as the log
   * tells; others go by their names. To be called before anything is staged.
   */
  presume(tables: ReadonlyMap<TableDefinition, string>): void;
  /**
   * Takes changes that are to be undone, in the order of their offsets. Images of inserts, updates
   * and deletes must be whole. Only the net effect per row counts: it goes back to what the first
   * change found there, and must now be what the last one left.
   */
  stage(changes: readonly StoredChange[]): Promise<void>;
  /**
   * Takes changes of tables that `cascadesFrom` named. Only those are undone that the database made
   * because of a staged change of the table they refer to.
   */
  stageCascaded(changes: readonly StoredChange[]): Promise<void>;
  /**
   * Forgets what was staged, to begin with another selection. Locks stay.
   * @param options.onlyCertain takes no changes from here on of which it is not certain whose they are
   *   (`table-uncertain`): they are counted as such conflicts, and `skip` leaves nothing else out.
   */
  reset(options?: { readonly onlyCertain: boolean }): Promise<void>;
  /**
   * Takes the history of a truncated table, from a moment when it was empty or unknown up to the
   * truncate: the rows that were there at the end are staged as removed by it.
   */
  stageTruncate(
    truncate: TruncatedTable,
    history: AsyncIterable<readonly StoredChange[]>,
  ): Promise<void>;
  /**
   * Tables whose rows the database itself changes along with rows of these (foreign keys that
   * cascade), directly or through others.
   */
  cascadesFrom(tables: readonly TableName[]): Promise<readonly TableName[]>;
  /**
   * The staged tables whose rows have no key. Nobody else writes to them from here on, when the
   * workspace was opened to apply: there is no row to lock that is still to be inserted.
   */
  holdBags(): Promise<readonly TableName[]>;
  /**
   * Takes changes of such tables that are not undone, from the first undone one on. Equal rows cannot
   * be told apart, so only these say whether what is there is what the undone changes left.
   */
  stageLater(changes: readonly StoredChange[]): Promise<void>;
  /** The same for a truncate of such a table; see `stageTruncate`. */
  stageLaterTruncate(
    truncate: TruncatedTable,
    history: AsyncIterable<readonly StoredChange[]>,
  ): Promise<void>;
  /** Compares with the database, with every row locked when the workspace was opened to apply. */
  assess(): Promise<Assessment>;
  /** The conflicts of the last assessment. */
  conflicts(limit: number): Promise<readonly TargetConflict[]>;
  /**
   * Changes what is staged so that conflicts go: `skip` leaves the rows in conflict out, `force`
   * takes rows as they are now for rows that the undo may overwrite.
   * @returns the number of rows it did so for.
   */
  settle(mode: 'skip' | 'force'): Promise<number>;
  /** Counters of optimistic locking that rows of the last assessment would get back lower. */
  loweredCounters(): Promise<readonly LoweredCounter[]>;
  /** Rows of the undo; `perTable` limits them for a sample. */
  rows(options: { readonly perTable?: number }): AsyncIterable<TargetRow>;
  /**
   * Writes and commits.
   * @throws TidingsError `UNDO_*` when the database refuses or does less than was expected: then
   *   nothing is changed.
   */
  apply(options: TargetApplyOptions): Promise<TargetApplied>;
  /**
   * In place of `apply`, after that was refused (`UNDO_REFUSED`) in a workspace like this one: looks
   * for the row that it was about. Nothing is changed, and the workspace is of no more use.
   * @returns null when it is not refused again, or cannot be told.
   */
  findRefused(refused: {
    readonly state: string;
    readonly triggers: boolean;
  }): Promise<TargetRefused | null>;
  /** The same as statements for a person to read and run; ends with a line break. */
  script(options: {
    readonly context: string;
    readonly title: string;
    /** What its reader should know, in sentences. */
    readonly notes: readonly string[];
    readonly triggers: boolean;
    /** As for applying: else the script ends with an error where a trigger changed a row again. */
    readonly allowTriggerChanges: boolean;
  }): AsyncIterable<string>;
}

/** `unknown`: the role may not see it. */
export type CaptureProgress = 'caught-up' | 'behind' | 'stopped' | 'unknown';

/** The part of a source that takes changes back. */
export interface UndoTarget {
  /** Whether all that is committed by now has been sent to capture. */
  captured(signal: AbortSignal): Promise<CaptureProgress>;
  /**
   * Has the source tell a position after all that is committed by now, without a change of data: so
   * the log's position comes to tell that it has all of it.
   */
  announce(signal: AbortSignal): Promise<string>;
  /**
   * Which transactions a fresh read sees. One can be in the log before: its commit may wait for a
   * standby.
   */
  visibility(signal: AbortSignal): Promise<{
    includes(transaction: { readonly id: string; readonly position: string }): boolean;
  }>;
  /** How the changes of these tables are captured now; null for one that is not there. */
  captureOf(
    tables: readonly TableName[],
    signal: AbortSignal,
  ): Promise<readonly (CaptureNow | null)[]>;
  /** Of the table itself or of its partitions, those that report no whole old rows now. */
  notFull(table: TableName, signal: AbortSignal): Promise<readonly TableName[]>;
  /** A table's name as it stands in the source's own SQL. */
  tableSql(table: TableName): string;
  /** Statements that make these tables report whole old rows from then on. */
  fullIdentitySql(tables: readonly TableName[]): string;
  /** Captured tables whose updates and deletes the database does not report at all. */
  unreported(signal: AbortSignal): Promise<readonly TableName[]>;
  /** @param purpose `plan` takes no locks on rows and is always rolled back. */
  open(purpose: 'plan' | 'apply', signal: AbortSignal): Promise<UndoWorkspace>;
}
