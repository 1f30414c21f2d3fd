import { once } from 'node:events';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Logger } from '../observe/logger.ts';
import { OneAtATime } from './one-at-a-time.ts';

// Not imported: an import reads every export, and with some of them Node.js loads an HTTP client and
// HTTP/2, 5 MB that an idle service has no use for.
const { createServer } = process.getBuiltinModule('node:http');

/** Times in milliseconds. */
const TIMEOUTS = {
  headersTimeout: 10_000,
  /** For receiving a request; waiting for its answer, as in a long poll, does not count. */
  requestTimeout: 30_000,
  /** Longer than proxies keep theirs (nginx: 60 s), so that none sends into a closing connection. */
  keepAliveTimeout: 75_000,
};

/** Each long poll holds one, and each costs a file descriptor. */
const MAX_CONNECTIONS = 1_024;

/** Requests under way get this long to be answered when the service drains; milliseconds. */
const DRAIN_DEADLINE = 5_000;

/** https://nodejs.org/api/errors.html#common-system-errors */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Stop the other program, or choose another port: `http.port`.',
  EACCES: 'Choose a port from 1024 on, or give this user the right to the port: `http.port`.',
  EADDRNOTAVAIL: 'This machine has no such address. Correct `http.host`.',
  ENOTFOUND: 'This name leads nowhere. Correct `http.host`.',
};

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** Called for the first request that `quick` does not answer; made so late to save memory. */
  readonly load: () => Promise<RequestListener>;
  /** Answers what needs nothing loaded; false leaves the request to what `load` gives. */
  readonly quick: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A listening HTTP server that loads what answers only when somebody asks. */
export class Listener {
  /** Where this machine reaches it, without a slash at the end. */
  readonly url: string;
  readonly #server: Server;
  readonly #options: ListenOptions;
  readonly #connections = new Set<Socket>();
  readonly #turns = new OneAtATime();
  /** Answers that are not complete. */
  readonly #open = new Set<ServerResponse>();
  #answering: Promise<RequestListener> | null = null;
  #closed: Promise<void> | null = null;

  private constructor(server: Server, options: ListenOptions) {
    this.#server = server;
    this.#options = options;
    this.url = urlOf(server.address() as AddressInfo);
    server.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('request', (request, response) => {
      this.#turns.take(request.socket, response, () => void this.#answer(request, response));
    });
    server.on('error', (error) => options.logger.warn('The HTTP API has trouble', { error }));
  }

  /** @throws TidingsError `HTTP_LISTEN_FAILED` */
  static async listen(options: ListenOptions): Promise<Listener> {
    const { host, port } = options;
    const server = createServer(TIMEOUTS);
    server.maxConnections = MAX_CONNECTIONS;
    try {
      server.listen({ host, port });
      await once(server, 'listening');
    } catch (error) {
      throw listenError(error, host, port);
    }
    return new Listener(server, options);
  }

  /** Accepts nothing more, and ends when what was asked is answered, or after a deadline. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    if (this.#closed !== null) response.setHeader('connection', 'close');
    try {
      if (this.#answering === null && this.#options.quick(request, response)) return;
      this.#answering ??= this.#options.load();
      const answer = await this.#answering;
      answer(request, response);
    } catch (error) {
      // The next request tries to load it again.
      this.#answering = null;
      this.#options.logger.error('The HTTP API could not be loaded', { error });
      response.writeHead(500).end();
    }
  }

  async #close(): Promise<void> {
    const ended = once(this.#server, 'close');
    this.#server.close();
    for (const response of this.#open) {
      if (!response.headersSent) response.setHeader('connection', 'close');
    }
    // Node.js closes those that have had a request; one that never had would keep the server open.
    const asking = new Set([...this.#open].map(({ socket }) => socket));
    for (const socket of this.#connections) if (!asking.has(socket)) socket.destroy();
    const deadline = setTimeout(() => this.#server.closeAllConnections(), DRAIN_DEADLINE);
    await ended;
    clearTimeout(deadline);
  }
}

function urlOf({ address, port }: AddressInfo): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function listenError(error: unknown, host: string, port: number): TidingsError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const reason = code === 'EADDRINUSE' ? 'another program listens there' : message;
  const advice = ADVICE[code] ?? 'Correct `http.host` and `http.port`.';
  return new TidingsError('HTTP_LISTEN_FAILED', { address, reason, advice }, { cause: error });
}
