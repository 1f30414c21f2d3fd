import type { TextReader } from '../connection/database-text.ts';
import { type Bytes, FieldReader } from './decode-bytes.ts';

/** The prefix under which applications attach context: `pg_logical_emit_message(true, 'tidings', …)`. */
const PREFIX = 'tidings';
const FLAG_TRANSACTIONAL = 1;

/** Part of Node.js, and not yet of TypeScript's library. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  readonly rawJSON: (text: string) => unknown;
  readonly isRawJSON: (value: unknown) => boolean;
};

/** Where a message is. */
export interface MessageBytes {
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a logical decoding Message, without its type byte.
 * @param read for the content, which the server hands over in the database's encoding, whatever the
 *   session's is.
 * @returns the text that the application attached to its transaction, or null for other messages.
 */
export function readContext({ bytes, start, end }: MessageBytes, read: TextReader): string | null {
  const fields = new FieldReader(bytes, start, end);
  const transactional = (fields.uint8() & FLAG_TRANSACTIONAL) !== 0;
  fields.skip(8);
  const prefix = fields.text();
  const content = fields.take(fields.uint32());
  fields.finish();
  return transactional && prefix === PREFIX ? read(content) : null;
}

/**
 * Adds what an application attached to its transaction to what it attached before.
 *
 * A single text is kept as it is, if it is JSON, else as a JSON string. Objects are merged, so that
 * a framework can attach the request and the business code the actor: of members with the same name
 * the later one remains, whole. Anything else replaces what was there.
 * @param before JSON text, or null.
 * @returns JSON text.
 */
export function addContext(before: string | null, text: string): string {
  const later = parse(text);
  if (later === undefined) return JSON.stringify(text);
  if (before === null || !isObject(later)) return text;
  const earlier = parse(before);
  return isObject(earlier) ? JSON.stringify({ ...earlier, ...later }) : text;
}

/** Numbers become raw JSON, so that writing them again changes no digit (invariant 10). */
function parse(text: string): unknown {
  try {
    return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' && context?.source !== undefined ? rawJSON(context.source) : value,
    );
  } catch (error) {
    // RangeError: nested too deeply to be walked. No message may stop capture.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}
