import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { quoteIdentifier } from '../quote.ts';
import { toSourceError } from '../source-error.ts';

/** The parts of a server's error that say what it is about. */
interface ServerError extends Error {
  readonly code?: string;
  readonly detail?: string;
  readonly schema?: string;
  readonly table?: string;
  /** The server's function: its messages are in the language of `lc_messages`. */
  readonly routine?: string;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const LOCK_NOT_AVAILABLE = '55P03';
const PASSES = new Set([LOCK_NOT_AVAILABLE, '40P01', '40001', '55006']);
/**
 * Data exceptions, violated constraints, missing rights, and whatever the application's own code says:
 * triggers and functions of indexes run in the undo. None of these passes by itself.
 */
const REFUSED = /^(09|0A|2[1237BF]|38|39|42|44|P0|55000)/;

/** Whose undo it is. */
export interface UndoSession {
  readonly source: string;
  readonly role: string;
  readonly database: string;
}

/** What the database said to a statement of an undo; whatever it was, nothing is changed. */
export function toUndoError(session: UndoSession, error: unknown): TidingsError {
  if (isTidingsError(error)) return error;
  const { source, role, database } = session;
  const { code = '', message, detail, schema, table, routine } = error as ServerError;
  const options = { cause: error };
  const reason = detail === undefined ? message : `${message} (${detail})`;
  if (PASSES.has(code)) {
    return new TidingsError('UNDO_LOCKED', { source, reason, state: code }, options);
  }
  if (code === '42501' && routine === 'InitTempTableNamespace') {
    const sql = `GRANT TEMPORARY ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(role)};`;
    return new TidingsError('UNDO_TEMPORARY', { source, sql }, options);
  }
  if (REFUSED.test(code)) {
    const where = table === undefined ? source : `${schema ?? ''}.${table}`;
    return new TidingsError('UNDO_REFUSED', { table: where, reason, state: code }, options);
  }
  const failure = toSourceError(source, error);
  if (!isTidingsError(failure, 'SOURCE_DISCONNECTED')) return failure;
  return new TidingsError('UNDO_INTERRUPTED', { source, reason: message }, options);
}
