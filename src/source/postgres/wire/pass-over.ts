import { formatMicros } from '../../../change/time.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import type { ChangeReceiver } from '../../source.ts';
import { listTables } from '../setup/captured-tables.ts';
import { ServerError } from '../connection/connection-error.ts';
import type { OpenTransaction } from './decode-stream.ts';
import { nextPosition } from './position.ts';

export interface PassOverOptions {
  readonly source: string;
  readonly receiver: ChangeReceiver;
  readonly onPassedOver: (warning: TidingsError) => void;
}

/** A transaction that did not come whole. */
export interface UnsentTransaction {
  readonly transaction: OpenTransaction;
  /** The table of the row that could not come, or those of which it may have been a row. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  readonly error: TidingsError;
}

/**
 * Leaves out a transaction that cannot be had, whenever it is asked for: a row is larger than the
 * server can put together, or than the log takes. One row must not keep all others from being captured.
 * It is left out as a whole, because half a transaction is nothing that an undo could take back; the
 * log gets a gap (invariant 11).
 * @returns where the stream goes on: the server leaves out what was committed before that.
 */
export function passOver(options: PassOverOptions, unsent: UnsentTransaction): string {
  const { source, receiver, onPassedOver } = options;
  const { transaction, tables, error } = unsent;
  const { id, position, committedAt } = transaction;
  const details = {
    source,
    id,
    at: formatMicros(committedAt),
    tables: tablesText(tables),
    reason: reasonOf(error),
  };
  const after = nextPosition(position);
  receiver.lost({
    from: position,
    to: after,
    reason: `transaction ${id}, committed at ${details.at}, cannot be captured, because of a row of ${details.tables}: ${details.reason}`,
    at: committedAt,
  });
  receiver.idle(after);
  onPassedOver(new TidingsError('TRANSACTION_LEFT_OUT', details, { cause: error }));
  return after;
}

/** None is announced before a message, which may be too large as well. */
function tablesText(tables: UnsentTransaction['tables']): string {
  if (tables.length === 0) return 'a table that is not known';
  return tables.length === 1 ? listTables(tables) : `one of ${listTables(tables)}`;
}

function reasonOf({ cause, message }: TidingsError): string {
  if (!(cause instanceof ServerError)) return message.replace(/\.$/, '');
  return `PostgreSQL cannot send it: ${cause.message} (SQLSTATE ${cause.code})`;
}
