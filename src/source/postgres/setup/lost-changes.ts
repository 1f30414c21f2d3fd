import type { TextReader } from '../connection/database-text.ts';
import { FieldReader } from '../wire/decode-bytes.ts';
import type { MessageBytes } from '../wire/decode-context.ts';
import { quoteLiteral } from '../quote.ts';

/*
 * Whoever puts a publication right says in the same transaction, by a message in the stream, what was
 * not published until then. So the log learns of the loss exactly where it ends, and no crash between
 * the two can hide it: the message comes again until the log has it.
 */

/** The prefix of the messages; the source's name is in their text, because a database may have several. */
const PREFIX = 'tidings publication';
/** How the reason begins where it was somebody else's doing. */
export const ALTERED = 'somebody altered a publication: ';
const FLAG_TRANSACTIONAL = 1;

/** Changes that were made and not published. */
export interface UnpublishedChanges {
  /** Nothing was wrong at this position; null when that is not known. */
  readonly from: string | null;
  readonly reason: string;
}

/** SQL that puts the message into the stream. */
export function sayUnpublishedSql(source: string, { from, reason }: UnpublishedChanges): string {
  const text = quoteLiteral(JSON.stringify({ source, from, reason }));
  return `SELECT pg_logical_emit_message(true, '${PREFIX}', ${text});`;
}

/**
 * PL/pgSQL of the event trigger's function that does the same, where it is not known since when.
 * @param what an expression: what was not published, in words.
 */
export function emitUnpublishedSql(source: string, what: string): string {
  return `PERFORM pg_logical_emit_message(true, '${PREFIX}', jsonb_build_object('source', ${quoteLiteral(source)},
        'from', NULL, 'reason', '${ALTERED}' || ${what})::text);`;
}

/**
 * Reads a logical decoding Message, without its type byte.
 * @param read for the content, which comes in the database's encoding.
 * @returns null when it is none of this source's.
 */
export function readUnpublished(
  { bytes, start, end }: MessageBytes,
  source: string,
  read: TextReader,
): UnpublishedChanges | null {
  const fields = new FieldReader(bytes, start, end);
  const transactional = (fields.uint8() & FLAG_TRANSACTIONAL) !== 0;
  fields.skip(8);
  if (fields.text() !== PREFIX || !transactional) return null;
  const text = read(fields.take(fields.uint32()));
  const said = parse(text);
  if (said?.['source'] !== source || typeof said['reason'] !== 'string') return null;
  const { from, reason } = said;
  return { from: typeof from === 'string' && POSITION.test(from) ? from : null, reason };
}

const POSITION = /^[0-9A-F]{16}$/;

/** Anybody may emit messages, and none may stop capture: one that has no sense is nobody's. */
function parse(text: string): { readonly [name: string]: unknown } | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}
