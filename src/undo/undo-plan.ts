import type { Operation, Row } from '../change/change.ts';
import type { RowIdentity } from '../change/table.ts';
import type { SchemaChange } from './looking/schema-changes.ts';
import type { ConflictReason, UndoOperation } from '../source/undo-target.ts';

/** A moment: an ISO 8601 time with its zone, or an offset of the log. */
export type UndoMoment = string | number;

/** Narrows what is undone; everything given has to be true of a change. */
export interface UndoFilter {
  /** The source; needed when there are several. */
  readonly source?: string;
  /** Table patterns, as in subscriptions; or a name alone, where only one schema has it. */
  readonly tables?: readonly string[];
  readonly operations?: readonly Operation[];
  /** Keys as `tidings history` takes them: `7`, `a=1,b=2`, or a JSON array of texts in key order. */
  readonly keys?: readonly string[];
  /** A CEL expression over the change, as in subscriptions. */
  readonly where?: string;
  /** Only changes whose transaction's context names this `actor`. */
  readonly actor?: string;
}

/** One transaction, or what the filter leaves of it. */
export interface UndoOfTransaction extends UndoFilter {
  /** The database's id of it, as the log has it. */
  readonly transaction: string;
}

/** The changes of tables between two moments. */
export interface UndoOfRange extends UndoFilter {
  readonly tables: readonly string[];
  readonly since: UndoMoment;
  /** Exclusive. Default: now. */
  readonly until?: UndoMoment;
}

/** Tables, or rows of them, back to how they were just before a moment. */
export interface UndoToMoment extends UndoFilter {
  readonly tables: readonly string[];
  readonly to: UndoMoment;
}

/** What is to be undone. Plain JSON. */
export type UndoRequest = UndoOfTransaction | UndoOfRange | UndoToMoment;

/** What an undo does to one table: to the rows that it would write. */
export interface UndoTable {
  /** `schema.name` */
  readonly table: string;
  /** Rows that are put back. */
  readonly insert: number;
  readonly update: number;
  /** Rows that are removed. */
  readonly delete: number;
  /** Rows that are already what they would become; nothing is done to them. */
  readonly already: number;
  /**
   * Rows that are not written and not among the others, because they are in conflict or belong
   * together with one that is. A table without a key is in conflict as a whole.
   */
  readonly conflict: number;
}

/** One row of an undo. */
export interface UndoRow {
  readonly table: string;
  readonly operation: UndoOperation;
  readonly key: Row | null;
  /** The row now; null when it is put back. */
  readonly before: Row | null;
  /** The row after the undo; null when it is removed. */
  readonly after: Row | null;
  /** The columns that an update gives another value; null for other operations. */
  readonly changed: readonly string[] | null;
  /** True for a row in conflict, which is not written. */
  readonly conflict: boolean;
}

/** The transaction that is behind a conflict. */
export interface UndoCause {
  readonly id: string;
  /** ISO 8601 in UTC with microseconds. */
  readonly committedAt: string;
  /** `actor` of its context. */
  readonly actor: string | null;
}

export interface UndoConflict {
  readonly reason: ConflictReason;
  readonly table: string;
  /** Null for a conflict of the whole table, or of rows without a key. */
  readonly key: Row | null;
  /** Who is behind it, where the log knows. */
  readonly transaction: UndoCause | null;
  /** How many rows it stands for. */
  readonly rows: number;
  /** What was found, in a sentence. */
  readonly message: string;
  /** What to do. */
  readonly hint: string;
}

export interface UndoConflicts {
  /** Rows in conflict. */
  readonly total: number;
  readonly byReason: { readonly [Reason in ConflictReason]?: number };
  /** The first of them, at most {@link LISTED_CONFLICTS}. */
  readonly list: readonly UndoConflict[];
}

/** How many conflicts a plan lists. */
export const LISTED_CONFLICTS = 100;

/** A table whose updates and deletes the log cannot take back, because old rows are not reported. */
export interface UndoNotReady {
  readonly table: string;
  readonly identity: RowIdentity;
  /** The first captured change without an old row, ISO 8601; null when there is none yet. */
  readonly since: string | null;
  /** What cannot be undone, and the statement that mends it for the future. */
  readonly message: string;
  readonly hint: string;
}

/** Changes that an undo leaves out, because they are a migration tool's bookkeeping. */
export interface UndoLeftOut {
  /** `schema.name` */
  readonly table: string;
  /** The tool that keeps it. */
  readonly tool: string;
  readonly changes: number;
}

/** What an undo would do. Plain JSON; it holds no rows but the sample, and can be kept and sent. */
export interface UndoPlan {
  readonly id: string;
  readonly source: string;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  readonly request: UndoRequest;
  /** Offsets of the log that were looked at; `to` is exclusive. */
  readonly range: { readonly from: number; readonly to: number };
  /** Changes of the log that are taken back. */
  readonly changes: number;
  /** What of the range is not taken back unless its table is named. */
  readonly leftOut: readonly UndoLeftOut[];
  /** What has become of columns and keys of these tables since the first of these changes. */
  readonly schemaChanges: readonly SchemaChange[];
  /** The transaction, when the plan is about one; else null. */
  readonly transaction: (UndoCause & { readonly changes: number }) | null;
  /** What the counts and the sample assume is done about conflicts. `refuse` writes nothing then. */
  readonly onConflict: OnConflict;
  readonly tables: readonly UndoTable[];
  /** Rows that are written: all inserts, updates and deletes; none of those in conflict. */
  readonly total: number;
  readonly sample: readonly UndoRow[];
  /** What was found, whatever is done about it. */
  readonly conflicts: UndoConflicts;
  readonly notReady: readonly UndoNotReady[];
  readonly warnings: readonly string[];
}

/** What to do about rows in conflict. */
export type OnConflict =
  /** Nothing is changed. */
  | 'refuse'
  /** They stay as they are. */
  | 'skip'
  /** Later changes of the row are overwritten. What the database itself refuses, stays refused. */
  | 'force'
  /** The later changes are undone too. */
  | 'cascade';

export const ON_CONFLICT: readonly OnConflict[] = ['refuse', 'skip', 'force', 'cascade'];

export interface PlanUndoOptions {
  /** Default: `refuse`. */
  readonly onConflict?: OnConflict;
}

export interface ApplyUndoOptions extends PlanUndoOptions {
  /** Whether the application's triggers fire. Default: true. */
  readonly triggers?: boolean;
  /** Who does it; goes into the undo's context. */
  readonly actor?: string;
}

export interface UndoResult {
  readonly plan: string;
  readonly source: string;
  /** False when conflicts refused it: then nothing was changed. */
  readonly applied: boolean;
  readonly tables: readonly UndoTable[];
  /** Rows written. */
  readonly total: number;
  /** Rows left out because of conflicts. */
  readonly skipped: number;
  /** As of the plan. */
  readonly leftOut: readonly UndoLeftOut[];
  /** Rows written although they were in conflict. */
  readonly forced: number;
  /** Later changes that were undone too. */
  readonly cascaded: number;
  /** The undo's own transaction, as `tidings undo --transaction` takes it; null unless applied. */
  readonly transaction: string | null;
  readonly conflicts: UndoConflicts;
  readonly warnings: readonly string[];
  /** From the first look at the log to the commit. */
  readonly seconds: number;
}

/** A plan that was applied at once. */
export interface UndoOutcome {
  readonly plan: UndoPlan;
  readonly result: UndoResult;
}
