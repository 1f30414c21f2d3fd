import type { Change, Row } from '../../change/change.ts';
import type {
  ColumnOf,
  DeleteChange,
  InsertChange,
  PartialRow,
  TruncateChange,
  UpdateChange,
  WholeRow,
} from '../../change/typed-change.ts';

/** What a handler's method gets besides the change. */
export interface HandlerCall {
  /** Aborts at the deadline of the call and on shutdown. Pass it on to what you call. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt of this change; counts over restarts. */
  readonly attempt: number;
}

/** What a handler learns of a history that went back. */
export interface RewindRow {
  readonly abandoned_from: number;
  readonly abandoned_before: number;
  /** True when changes of the new history are lost as well. */
  readonly history_lost: boolean;
  readonly reason: string;
}

/**
 * An object that is called for each change of a table. A call that returns, or whose promise
 * resolves, acknowledges the change; one that throws or rejects is made again later. Operations
 * without a method are not sent.
 *
 * `TableRow` is the type of the table's rows: one's own, or one that `tidings types` wrote. Without it
 * a row is a {@link Row}: any column, with a JSON value. Nothing checks the type when the program
 * runs. `Column` are the columns in `columns`: others are not handed over.
 */
export interface TableHandler<
  TableRow extends object = Row,
  Column extends ColumnOf<TableRow> = ColumnOf<TableRow>,
> {
  /**
   * An update that touches none of these columns is not sent, and the rows handed over have only
   * these. Default: all columns.
   */
  readonly columns?: readonly Column[];
  insert?(
    row: WholeRow<Pick<TableRow, Column>>,
    change: InsertChange<Pick<TableRow, Column>>,
    call: HandlerCall,
  ): Promise<void> | void;
  update?(
    row: Pick<TableRow, Column>,
    change: UpdateChange<Pick<TableRow, Column>>,
    call: HandlerCall,
  ): Promise<void> | void;
  /** `row` is the old row; of a table without full replica identity only its key. */
  delete?(
    row: PartialRow<Pick<TableRow, Column>>,
    change: DeleteChange<Pick<TableRow, Column>>,
    call: HandlerCall,
  ): Promise<void> | void;
  /** All rows of the table are gone. There is no row to hand over. */
  truncate?(row: null, change: TruncateChange, call: HandlerCall): Promise<void> | void;
  /**
   * The history of the source went back, because a backup was restored or a standby that lagged took
   * over: the changes from offset `abandoned_from` to before `abandoned_before` do not exist there any
   * more. Told to every handler that has this method, whatever its table.
   */
  rewind?(row: RewindRow, change: Change, call: HandlerCall): Promise<void> | void;
}
