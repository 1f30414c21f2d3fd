import { isTooLong, LONGEST_TEXT } from '../../../change/too-large.ts';
import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';

/** SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const LOGIN_REFUSED = new Set(['28000', '28P01', '3D000', '42501', '55000']);
const PROTOCOL_VIOLATION = '08P01';
const NOT_NOW = new Set(['57P03', '53300']);
/** Lost connections, shutdown, and sessions that the server ended because they took too long. */
const DISCONNECTED = /^(08|57P|25P0[34])/;

const NETWORK =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EPIPE|ENOENT|EACCES)$/;
const TLS = /SSL|TLS|certificate|CERT_|self.signed|ALTNAME|sslrootcert|sslkey|sslcert/i;

/** What went wrong when a connection was opened, as an error with a code. */
export function toConnectError(source: string, error: unknown): TidingsError {
  if (isTidingsError(error)) return error;
  const { code, message, path, routine } = describe(error);
  const options = { cause: error };
  // A certificate file that cannot be read is not the server's socket file.
  const file = path !== undefined && !path.includes('.s.PGSQL.');
  if (file || (!isSqlState(code) && TLS.test(`${code} ${message}`))) {
    return new TidingsError('SOURCE_TLS_FAILED', { source, reason: message }, options);
  }
  if (code === PROTOCOL_VIOLATION && routine === undefined) {
    // PostgreSQL says which of its functions an error comes from. A pooler has none of them, and refuses
    // the parameters that our sessions begin with, or replication.
    return new TidingsError('SOURCE_POOLED', { source, reason: message }, options);
  }
  if (LOGIN_REFUSED.has(code) || /SASL|password/.test(message)) {
    const reason = /must be a (non-empty )?string/.test(message)
      ? 'it asks for a password, and the url has none'
      : message;
    return new TidingsError('SOURCE_LOGIN_REFUSED', { source, reason }, options);
  }
  if (routine === 'InitializeClientEncoding') {
    // MULE_INTERNAL: nothing converts it to UTF-8.
    const commands =
      'createdb --encoding=UTF8 --template=template0 NEW && pg_dump --encoding=LATIN1 OLD | psql NEW';
    return new TidingsError('SOURCE_ENCODING', { source, reason: message, commands }, options);
  }
  if (isSqlState(code) && !NOT_NOW.has(code) && !DISCONNECTED.test(code)) {
    return toSourceError(source, error);
  }
  return new TidingsError('SOURCE_UNREACHABLE', { source, reason: message }, options);
}

/** What went wrong on an open connection, as an error with a code. */
export function toSourceError(source: string, error: unknown): TidingsError {
  if (isTidingsError(error)) return error;
  const { code, message } = describe(error);
  const options = { cause: error };
  if (isTooLong(error)) {
    return new TidingsError('SOURCE_VALUE_TOO_LARGE', { source, limit: LONGEST_TEXT }, options);
  }
  if (isSqlState(code) && !DISCONNECTED.test(code)) {
    return new TidingsError('SOURCE_FAILED', { source, reason: message, state: code }, options);
  }
  return new TidingsError('SOURCE_DISCONNECTED', { source, reason: message }, options);
}

/** The SQLSTATE of a server's error, also of one that is the cause of a coded one; else null. */
export function sqlState(error: unknown): string | null {
  if (isTidingsError(error)) return sqlState(error.cause);
  const { code } = describe(error);
  return isSqlState(code) ? code : null;
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !NETWORK.test(code);
}

interface Described {
  readonly code: string;
  readonly message: string;
  readonly path: string | undefined;
  /** The server's function that reported it. */
  readonly routine: string | undefined;
}

function describe(error: unknown): Described {
  if (!(error instanceof Error)) {
    return { code: '', message: String(error), path: undefined, routine: undefined };
  }
  const { code, path, routine } = error as NodeJS.ErrnoException & { readonly routine?: string };
  // Several addresses of one host failed: each has its own error, and the whole has no message.
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  const message =
    error.message === '' && first !== undefined ? describe(first).message : error.message;
  return {
    code: code ?? '',
    message: message === 'timeout expired' ? NO_ANSWER : message,
    path,
    routine,
  };
}

const NO_ANSWER = 'no answer within 10 seconds';
