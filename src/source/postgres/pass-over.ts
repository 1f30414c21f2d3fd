import { formatMicros } from '../../change/time.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { ChangeReceiver } from '../source.ts';
import { listTables } from './captured-tables.ts';
import { ServerError } from './connection-error.ts';
import type { OpenTransaction } from './decode-stream.ts';

export interface PassOverOptions {
  readonly source: string;
  readonly receiver: ChangeReceiver;
  readonly onPassedOver: (warning: TidingsError) => void;
}

/** A transaction that the server began to send, and what came of it. */
export interface UnsentTransaction {
  readonly transaction: OpenTransaction;
  /** Tables of which changes came, the last one among them; the server does not say which it was. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  readonly error: TidingsError;
}

/**
 * Leaves out a transaction that the server cannot send, whenever it is asked, because a row is larger
 * than it can put together: one row must not keep all others from being captured. As a whole, because
 * half a transaction is nothing that an undo could take back; the log gets a gap (invariant 11).
 * @returns where the stream goes on: the server leaves out what was committed before that.
 */
export function passOver(options: PassOverOptions, unsent: UnsentTransaction): string {
  const { source, receiver, onPassedOver } = options;
  const { transaction, tables, error } = unsent;
  const { id, position, committedAt } = transaction;
  const { cause } = error;
  const [reason, state] =
    cause instanceof ServerError ? [cause.message, cause.code] : [error.message, 'unknown'];
  const details = {
    source,
    id,
    at: formatMicros(committedAt),
    tables: tables.length === 1 ? listTables(tables) : `one of ${listTables(tables)}`,
    reason,
    state,
  };
  const after = nextPosition(position);
  receiver.lost({
    from: position,
    to: after,
    reason: `PostgreSQL could not send transaction ${id}, committed at ${details.at}: ${reason} (SQLSTATE ${state}), at a row of ${details.tables}`,
    at: committedAt,
  });
  receiver.idle(after);
  onPassedOver(new TidingsError('TRANSACTION_UNSENDABLE', details, { cause: error }));
  return after;
}

/** Commits are records of some bytes, so that none begins at the next byte. */
function nextPosition(position: string): string {
  return (BigInt(`0x${position}`) + 1n).toString(16).toUpperCase().padStart(16, '0');
}
