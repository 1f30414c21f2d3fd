import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What one connection has asked that is not being answered yet. */
interface Connection {
  busy: boolean;
  readonly waiting: { readonly response: ServerResponse; readonly answer: () => void }[];
}

/**
 * Answers the requests of each connection one after the other. A client may send several without
 * waiting (RFC 9112, 9.3.2), and Node.js hands them over all at once: then each would hold its answer
 * in memory until the client has taken those before it. Meanwhile nothing more is read.
 */
export class OneAtATime {
  readonly #connections = new WeakMap<Socket, Connection>();

  /** Calls `answer` once everything that the connection asked before was taken, or not at all. */
  take(socket: Socket, response: ServerResponse, answer: () => void): void {
    const connection = this.#connections.get(socket) ?? this.#begin(socket);
    if (connection.busy) {
      connection.waiting.push({ response, answer });
      socket.pause();
      return;
    }
    connection.busy = true;
    this.#answer(socket, connection, { response, answer });
  }

  #begin(socket: Socket): Connection {
    const connection: Connection = { busy: false, waiting: [] };
    this.#connections.set(socket, connection);
    // Node.js reads on by itself when something was sent.
    socket.on('resume', () => {
      if (connection.waiting.length > 0) socket.pause();
    });
    return connection;
  }

  #answer(
    socket: Socket,
    connection: Connection,
    { response, answer }: Connection['waiting'][number],
  ): void {
    response.once('close', () => {
      const next = socket.destroyed ? undefined : connection.waiting.shift();
      if (next === undefined) {
        connection.busy = false;
        return;
      }
      if (connection.waiting.length === 0) socket.resume();
      this.#answer(socket, connection, next);
    });
    answer();
  }
}
