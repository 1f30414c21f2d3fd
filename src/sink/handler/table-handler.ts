import type { Change, Row } from '../../change/change.ts';

/** What a handler's method gets besides the change. */
export interface HandlerCall {
  /** Aborts at the deadline of the call and on shutdown. Pass it on to what you call. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt of this change; counts over restarts. */
  readonly attempt: number;
}

/**
 * An object that is called for each change of a table. A call that returns, or whose promise
 * resolves, acknowledges the change; one that throws or rejects is made again later. Operations
 * without a method are not sent.
 */
export interface TableHandler {
  /**
   * An update that touches none of these columns is not sent, and the rows handed over have only
   * these. Default: all columns.
   */
  readonly columns?: readonly string[];
  insert?(row: Row, change: Change, call: HandlerCall): Promise<void> | void;
  update?(row: Row, change: Change, call: HandlerCall): Promise<void> | void;
  /** `row` is the old row; of a table without full replica identity only its key. */
  delete?(row: Row, change: Change, call: HandlerCall): Promise<void> | void;
  /** All rows of the table are gone. There is no row to hand over. */
  truncate?(row: null, change: Change, call: HandlerCall): Promise<void> | void;
}
