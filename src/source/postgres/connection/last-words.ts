import type { Socket } from 'node:net';
import type pg from 'pg';
import { internals } from './client-internals.ts';
import { sqlState } from './source-error.ts';

/** How long what the server said before it hung up may take to be read; milliseconds. */
const READING = 2_000;

const words = new WeakMap<pg.Client, unknown>();

/**
 * Has the client remember why the server ended the connection ("terminating connection due to
 * transaction timeout"): whoever uses it next meets only that it is gone.
 * @param client before it connects.
 */
export function keepLastWords(client: pg.Client): void {
  const connection = internals(client);
  connection.on('errorMessage', (error: unknown) => words.set(client, error));
  // It goes on: the error was that of a statement.
  connection.on('readyForQuery', () => words.delete(client));
}

/**
 * What to tell of a failure on this connection: what the server said last, when it was not an answer
 * to the statement but its end; else the failure itself.
 */
export function lastWords(client: pg.Client, error: unknown): unknown {
  return sqlState(error) === null ? (words.get(client) ?? error) : error;
}

/**
 * Has the client's socket read on after a write has failed. Writing to a server that hung up fails at
 * once, while its last words may lie unread in the same socket; Node.js would destroy it and them.
 * @param client connected, so that the socket is the one behind TLS.
 */
export function readToTheEnd(client: pg.Client): void {
  const { stream } = internals(client);
  const write = stream._write.bind(stream);
  const writeMany = stream._writev?.bind(stream);
  stream._write = (chunk, encoding, callback) => {
    write(chunk, encoding, whenRead(stream, callback));
  };
  if (writeMany === undefined) return;
  stream._writev = (chunks, callback) => {
    writeMany(chunks, whenRead(stream, callback));
  };
}

type Callback = (error?: Error | null) => void;

/** Keeps a failure back until everything was read. Until then the stream takes no other write. */
function whenRead(stream: Socket, callback: Callback): Callback {
  return (error) => {
    if (error === undefined || error === null) {
      callback(error);
      return;
    }
    const tell = (): void => {
      clearInterval(timer);
      stream.off('end', tell);
      stream.off('close', tell);
      callback(error);
    };
    // A reader that rests is waited for: the words lie behind what it has not read.
    const timer = setInterval(() => stream.isPaused() || tell(), READING);
    timer.unref();
    stream.once('end', tell);
    stream.once('close', tell);
  };
}
