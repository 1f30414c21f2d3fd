import type { Socket } from 'node:net';

/** Bytes of an answer that are looked at; announcements (1xx) may stand before its status line. */
const LOOKED_AT = 16 << 10;

/** What each error that ended a connection came after. */
const statuses = new WeakMap<object, number>();

/**
 * Notes how each answer on a connection begins. Only the status counts, and the HTTP parser, which is
 * strict for good reasons, tells it only after the last header: an answer with two lengths would be
 * none, and what a receiver has taken would be sent to it for days.
 *
 * The connection carries one request at a time, written at once, so an answer begins with the first
 * bytes that come after something was written.
 */
export function noteAnswers(socket: Socket): void {
  let start = '';
  let written = -1;
  const read = socket.read.bind(socket) as (size?: number) => unknown;
  socket.read = (size?: number): unknown => {
    const chunk = read(size);
    if (!Buffer.isBuffer(chunk)) return chunk;
    if (socket.bytesWritten !== written) {
      written = socket.bytesWritten;
      start = '';
    }
    if (start.length < LOOKED_AT) start += chunk.toString('latin1', 0, LOOKED_AT - start.length);
    return chunk;
  };
  // Before the parser's own listener, which hands the error to the request.
  socket.on('error', (error) => {
    const status = socket.bytesWritten === written ? statusOf(start) : null;
    if (status !== null) statuses.set(error, status);
  });
}

/** The status that was received before this error ended the connection; null without one. */
export function statusBefore(error: unknown): number | null {
  return typeof error === 'object' && error !== null ? (statuses.get(error) ?? null) : null;
}

/**
 * The status of an answer of which only the beginning is there; null when its status line is not.
 * A line may end without a carriage return (RFC 9112, 2.2).
 */
export function statusOf(start: string): number | null {
  const line = /^HTTP\/1\.\d ([1-9]\d\d)(?: [^\n]*|\r)?\n/.exec(start);
  if (line === null) return null;
  const status = Number(line[1]);
  // 1xx announces another answer, all but the change to another protocol.
  if (status >= 200 || status === 101) return status;
  const end = /\r?\n\r?\n/.exec(start);
  return end === null ? null : statusOf(start.slice(end.index + end[0].length));
}
