import type { Row } from '../change/change.ts';
import type { ColumnOf, TidingsTables } from '../change/typed-change.ts';
import type { StartAt } from '../option/start-at.ts';
import type { TableHandler } from '../sink/handler/table-handler.ts';
import type { Administration } from './administration.ts';
import type {
  ApplyUndoOptions,
  PlanUndoOptions,
  UndoPlan,
  UndoRequest,
  UndoResult,
  UndoRow,
} from '../undo/undo-plan.ts';
import type { Status } from './status/status.ts';

export type { HandlerCall, RewindRow, TableHandler } from '../sink/handler/table-handler.ts';

/** What `register` takes besides the methods: which changes, and how they are delivered. */
export interface Registration<
  TableRow extends object = Row,
  Column extends ColumnOf<TableRow> = ColumnOf<TableRow>,
> extends TableHandler<TableRow, Column> {
  /** The source that has the table. Default: the only one. */
  readonly source?: string;
  /** Row filter over `before` and `after`, as in the configuration. */
  readonly where?: string;
  /** Where a subscription that is new begins. Default `head`: what is committed from now on. */
  readonly from?: StartAt;
  /** Calls under way at once; those for one row never are. Default 16. */
  readonly maxConcurrency?: number;
  /** After this many failed calls a change is parked. Default 10. */
  readonly maxAttempts?: number;
  /** Deadline of one call, milliseconds. Default 30,000. */
  readonly timeout?: number;
}

/** A running (or startable) Tidings in this process. */
export interface Tidings extends Administration, AsyncDisposable {
  /**
   * Registers an object for a table (or a pattern) under a durable name: each change is one call,
   * acknowledged when its promise resolves. May be called before or after `start`.
   *
   * The type of its rows is that of {@link TidingsTables} when the table is in there, else the one
   * that is given: `register<Order>(…)`.
   * @throws TidingsError `SUBSCRIPTION_EXISTS` when the name is taken, `FILTER_INVALID`,
   *   `TABLE_PATTERN_INVALID`, `HANDLER_INVALID`, `SOURCE_UNKNOWN`.
   */
  register<Table extends keyof TidingsTables, Column extends ColumnOf<TidingsTables[Table]>>(
    name: string,
    table: Table,
    handler: Registration<TidingsTables[Table], Column>,
  ): Tidings;
  register<Table extends string, Column extends string = string>(
    name: string,
    // Without this a column that a known table has not got would be looked for in a `Row`.
    table: Table extends keyof TidingsTables ? never : Table,
    handler: Registration<Row, Column>,
  ): Tidings;
  register<TableRow extends object, Column extends ColumnOf<TableRow> = ColumnOf<TableRow>>(
    name: string,
    table: string,
    handler: Registration<TableRow, Column>,
  ): Tidings;
  /** Where this machine reaches the HTTP API; null while that is closed. */
  readonly url: string | null;
  /**
   * What an undo would do; changes nothing. See docs/guide/undo.md.
   * @throws TidingsError `UNDO_*`
   */
  planUndo(
    request: UndoRequest,
    options?: PlanUndoOptions,
    signal?: AbortSignal,
  ): Promise<UndoPlan>;
  /** All rows of a plan, read anew. */
  undoRows(plan: UndoPlan, signal?: AbortSignal): AsyncIterable<UndoRow>;
  /**
   * Carries out a plan in one transaction, after checking every row again (invariant 9). What
   * conflicts do is in the options; refused ones show in the result, and then nothing was changed.
   * @throws TidingsError `UNDO_*`
   */
  applyUndo(plan: UndoPlan, options?: ApplyUndoOptions, signal?: AbortSignal): Promise<UndoResult>;
  /**
   * Starts capture and delivery. Once it has resolved, every later change is captured: each source
   * streams, or waits for something that may pass (its database, room on the disk) while the
   * database keeps what is missed. A database that Tidings has never reached is waited for.
   * @throws TidingsError when no source can be started; one that fails beside others is in `status`.
   */
  start(): Promise<void>;
  /** Settles when the service has ended; rejects with the reason when its last source failed. */
  readonly finished: Promise<void>;
  /** Stops reading, lets what is in flight finish, writes down where everybody is, then resolves. */
  drain(): Promise<void>;
  status(): Promise<Status>;
  /** The metrics in Prometheus' text format. */
  metrics(): Promise<string>;
  /**
   * Forgets a subscription that is no longer registered, with its place and what it has parked.
   * Until then the log keeps what it has not read (invariant 11).
   * @throws TidingsError `SUBSCRIPTION_EXISTS` when it is registered.
   */
  forget(subscription: string): Promise<void>;
}
