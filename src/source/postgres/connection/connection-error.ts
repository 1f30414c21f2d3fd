import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { type Bytes, FieldReader } from '../wire/decode-bytes.ts';
import { toSourceError } from './source-error.ts';

/**
 * An ErrorResponse or a NoticeResponse. Its texts are in the server's language, so decisions use `code` and, where one
 * SQLSTATE stands for several conditions, `routine`: the name of the server's function.
 */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: string;
  readonly routine: string;
  readonly detail: string;
  /** What the server was doing. */
  readonly where: string;

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get('M') ?? 'no message');
    this.code = fields.get('C') ?? '';
    this.routine = fields.get('R') ?? '';
    this.detail = fields.get('D') ?? '';
    this.where = fields.get('W') ?? '';
  }
}

/**
 * Reads the body of an ErrorResponse or a NoticeResponse.
 * https://www.postgresql.org/docs/current/protocol-error-fields.html
 */
export function readServerError(bytes: Bytes, start: number, end: number): ServerError {
  const reader = new FieldReader(bytes, start, end);
  const fields = new Map<string, string>();
  for (let type = reader.uint8(); type !== 0; type = reader.uint8()) {
    fields.set(String.fromCharCode(type), reader.text());
  }
  return new ServerError(fields);
}

const UNDEFINED_OBJECT = '42704';
const IN_USE = '55006';
const NOT_IN_STATE = '55000';
const FILE_GONE = '58P01';
/** Connecting again changes nothing: wrong data, refused login, wrong statement, missing feature. */
const REFUSED = /^(0A|22|28|42|55000)/;

/** What the server's error means for the stream that it ended. */
export function toStreamError(
  error: ServerError,
  { source, slot }: { readonly source: string; readonly slot: string },
): TidingsError {
  const options = { cause: error };
  const reason = error.detail === '' ? error.message : `${error.message} (${error.detail})`;
  if (error.code === UNDEFINED_OBJECT && error.routine === 'ReplicationSlotAcquire') {
    return new TidingsError('SLOT_MISSING', { source, slot }, options);
  }
  if (isLostPublication(error)) {
    const publication = /"(.+)"/.exec(error.message)?.[1] ?? 'of this slot';
    return new TidingsError('PUBLICATION_LOST', { source, publication }, options);
  }
  if (error.code === IN_USE) {
    return new TidingsError('SLOT_IN_USE', { source, slot, reason }, options);
  }
  if (isInvalidated(error)) {
    return new TidingsError('SLOT_INVALIDATED', { source, slot, reason }, options);
  }
  if (isUnreadable(error)) {
    const details = { source, table: 'a table', reason, state: error.code };
    return new TidingsError('SOURCE_UNREADABLE', details, options);
  }
  if (REFUSED.test(error.code)) {
    return new TidingsError('SOURCE_REFUSED', { source, reason, state: error.code }, options);
  }
  return toSourceError(source, error);
}

/**
 * True when the server has come to changes that a missing publication keeps from us. Since
 * PostgreSQL 18 that is only a warning, and it would pass them over.
 */
export function isLostPublication({ code, routine }: ServerError): boolean {
  if (routine === 'LoadPublications') return true;
  return code === UNDEFINED_OBJECT && routine === 'get_publication_oid';
}

/** Bytes that are no text, and characters that UTF-8 does not have. */
export const NO_TEXT: ReadonlySet<string> = new Set(['22021', '22P05']);
const LIMIT_EXCEEDED = '54000';
const INTERNAL = 'XX000';

/**
 * True when one value cannot be sent: its text has no UTF-8, or it or its row is larger than a
 * message can be. It would be the same the next time.
 */
function isUnreadable({ code, routine, where }: ServerError): boolean {
  // Only names stay as they are in every language; `_pgoutput` would be of a slot's.
  if (!/\bpgoutput\b/.test(where)) return false;
  if (NO_TEXT.has(code) || code === LIMIT_EXCEEDED) return true;
  // "invalid memory alloc request size": what asks for memory has other names in other versions.
  return code === INTERNAL && /alloc|MemoryContext|StringInfo/i.test(routine);
}

/** True when the server could not convert a text that it had to send; it can send the bytes. */
export function isUnconverted(error: unknown): boolean {
  if (!isTidingsError(error, 'SOURCE_UNREADABLE')) return false;
  return error.cause instanceof ServerError && NO_TEXT.has(error.cause.code);
}

/** Before PostgreSQL 18 only the text tells this condition from others of the same function. */
function isInvalidated({ code, routine, message }: ServerError): boolean {
  if (code === FILE_GONE) return true;
  if (code !== NOT_IN_STATE) return false;
  return (
    routine === 'ReplicationSlotAcquire' || /no longer get changes|cannot read from/.test(message)
  );
}
