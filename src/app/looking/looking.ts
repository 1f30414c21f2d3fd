import type { Change, Operation, Row } from '../../change/change.ts';
import type { OnPassedOver } from '../../change/decode-listed.ts';
import type { JsonValue } from '../../change/dialect.ts';
import type { Column } from '../../change/table.ts';
import type { LogGap } from '../../log/log.ts';
import type { TableCount } from '../../undo/looking/change-counts.ts';
import type { SearchPlan } from '../../undo/looking/find-transactions.ts';
import type { Moment } from '../../undo/looking/moment.ts';
import type { SchemaChange } from '../../undo/looking/schema-changes.ts';
import type { PastRow } from '../../undo/looking/past-rows.ts';

/** One row of one table. */
export interface HistoryQuery {
  /** Default: the only one. */
  readonly source?: string;
  /** `schema.name`, or the name alone where only one schema has it. */
  readonly table: string;
  /** `7`, `id=7`, or `a=1,b=2`. */
  readonly key: string;
  /** Only the newest so many versions. */
  readonly limit?: number;
  /** Told of each change that is too large and passed over. Default: it ends the reading. */
  readonly onPassedOver?: OnPassedOver;
}

/** All that the log knows of a row. */
export interface RowHistory {
  readonly source: string;
  /** `schema.name` */
  readonly table: string;
  /** Where the log begins: what was before is not known. */
  readonly begins: LogBeginning;
  /** Losses in the log. */
  readonly gaps: readonly LogGap[];
  /** What else limits what is known, in sentences: another table of that name, unknown keys. */
  readonly notes: readonly string[];
  /** Where the table's changes came with other columns than before, oldest first. */
  readonly schemaChanges: readonly SchemaChange[];
  /** Oldest first. */
  readonly versions: AsyncIterable<Change>;
}

export interface LogBeginning {
  /** The oldest offset that is there. */
  readonly offset: number;
  /** From when on the log has everything, ISO 8601; null while nothing has been captured. */
  readonly at: string | null;
}

/** A transaction of the log. */
export interface TransactionReport {
  readonly source: string;
  readonly id: string;
  readonly position: string;
  /** ISO 8601 in UTC with microseconds. */
  readonly committedAt: string;
  /** What the application attached; null when it attached nothing. */
  readonly context: JsonValue;
  /** Its offsets, both included. */
  readonly first: number;
  readonly last: number;
  /** How many changes it has. */
  readonly changes: number;
}

export interface ShowQuery {
  readonly source?: string;
  /** A transaction, a change id, or an offset; see `parseTarget`. */
  readonly target: string;
  /** As of `HistoryQuery`, for a transaction's changes. */
  readonly onPassedOver?: OnPassedOver;
}

/** What `show` found. */
export type Shown =
  | {
      readonly change: Change;
      /** What has become of its table's columns since; null for nothing. */
      readonly schemaChange: SchemaChange | null;
      /** Whether it was kept aside for a delivery, and is not in the log any more. */
      readonly isAside: boolean;
    }
  | {
      readonly transaction: TransactionReport;
      /** Older transactions with the same number. */
      readonly older: readonly TransactionReport[];
      /**
       * The offsets of it that were kept aside for deliveries, when the log does not have it any
       * more: then `counts` and `changes` are of these alone. Else null.
       */
      readonly kept: readonly number[] | null;
      /** What it did, by table. */
      counts(): Promise<readonly TableCount[]>;
      /** What has become of the columns of its tables since, as far as the log knows. */
      schemaChanges(): Promise<readonly SchemaChange[]>;
      /** Its changes, in order. */
      changes(): AsyncIterable<Change>;
    };

/** What is searched for; everything given has to be true of a change, or of its transaction. */
export interface FindQuery {
  readonly source?: string;
  /** Table patterns as in subscriptions, or plain names. */
  readonly tables?: readonly string[];
  readonly operations?: readonly Operation[];
  /** From this moment on. Default: the floor. */
  readonly since?: Moment;
  /** Before this moment. Default: the head. */
  readonly until?: Moment;
  /** `column=value`: what a column held before the change. */
  readonly before?: readonly string[];
  /** `column=value`: what it held after. */
  readonly after?: readonly string[];
  /** One row, where `tables` names a single table. */
  readonly key?: string;
  /** A CEL expression over the change, as in subscriptions. */
  readonly where?: string;
  /** At least so many changes of one transaction match. */
  readonly minChanges?: number;
  /** `actor` of the transaction's context. */
  readonly actor?: string;
  /** `path=value`: any other member of it, such as `request.id=7`. */
  readonly context?: readonly string[];
  /** Transactions at most. Default 20. */
  readonly limit?: number;
  /** Told how many offsets were looked at, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A transaction with changes that match. */
export interface FoundReport {
  readonly transaction: TransactionReport;
  /** How many of its changes match. */
  readonly matching: number;
  /** Those changes by table. */
  readonly tables: readonly TableCount[];
  /**
   * Where changes of these tables came with other columns, after this transaction and not told with a
   * newer one; newest first.
   */
  readonly schemaChanges: readonly SchemaChange[];
}

export interface Search {
  readonly source: string;
  readonly plan: SearchPlan;
  /** The offsets that are searched; `to` is exclusive. */
  readonly range: { readonly from: number; readonly to: number };
  readonly begins: LogBeginning;
  /** What else somebody who searches should know, in sentences. */
  readonly notes: readonly string[];
  /** Newest first. */
  readonly found: AsyncIterable<FoundReport>;
  /** Changes so far that the log knows too little of to compare them. */
  undecided(): number;
}

/** A table, or rows of it, at a moment. */
export interface TableQuery {
  readonly source?: string;
  readonly table: string;
  readonly asOf: Moment;
  /** Only these rows, by their keys then. */
  readonly keys?: readonly string[];
  /** A CEL expression with the row as `after`. */
  readonly where?: string;
  /** Only these columns, in this order. Default: all. */
  readonly columns?: readonly string[];
  /** Told how far reading the changes since then has come. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A table as it was. Disposing ends the reading. */
export interface TableView extends AsyncDisposable {
  readonly source: string;
  /** `schema.name` */
  readonly table: string;
  /** `schema.name` now; what was its name then may be another table's. */
  readonly present: string;
  /** Transactions from this offset on had not been committed. */
  readonly offset: number;
  readonly columns: readonly Column[];
  /** Columns of the present table that the log has no old values of: added since, or computed. */
  readonly leftOut: readonly string[];
  /** What somebody who names the table should know, in sentences. */
  readonly notes: readonly string[];
  /** Each row in the database's own texts, in no particular order. */
  readonly rows: AsyncIterable<PastRow>;
  /** A row in wire form. */
  toJson(row: PastRow): Row;
}

/** Looks at what a log knows, and at tables as they were; from outside the service, running or not. */
export interface Looking extends AsyncDisposable {
  /** @throws TidingsError `TABLE_*`, `KEY_INVALID` */
  history(query: HistoryQuery, signal: AbortSignal): Promise<RowHistory>;
  /** @throws TidingsError `SHOW_*` */
  show(query: ShowQuery, signal: AbortSignal): Promise<Shown>;
  /** @throws TidingsError `TABLE_*`, `KEY_INVALID`, `FILTER_INVALID`, `VALUE_CONDITION_INVALID` */
  find(query: FindQuery, signal: AbortSignal): Promise<Search>;
  /**
   * Also connects to the source.
   * @throws TidingsError `AS_OF_*`, `LOG_BEHIND`, `LOG_LAGS`, and others that say why not.
   */
  table(query: TableQuery, signal: AbortSignal): Promise<TableView>;
}
