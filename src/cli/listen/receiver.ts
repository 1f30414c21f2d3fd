import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TidingsError } from '../../errors/tidings-error.ts';
import { sleep } from '../../util/sleep.ts';
import { type Arrival, readContent } from './arrival.ts';
import { verifySignature } from './verify-signature.ts';

/** Largest body that is read, bytes. */
const BODY_LIMIT = 10_000_000;
/** So many ids are remembered to know repetitions by: more than anybody watches, in some 10 MB. */
const KNOWN_IDS = 100_000;

export interface ReceiverOptions {
  readonly host: string;
  readonly port: number;
  /** What requests may be signed with. */
  readonly secrets: readonly string[];
  /** The HTTP status for what is taken. */
  readonly status: number;
  /** So many requests get a 500 first. */
  readonly failFirst: number;
  /** Before each answer; milliseconds. */
  readonly delay: number;
  /** False: also what is not verified is taken. */
  readonly verify: boolean;
  /** Told of each request before it is answered; the answer waits for it. */
  readonly onArrival: (arrival: Arrival) => Promise<void>;
  readonly signal: AbortSignal;
}

/** What came until the end. */
export interface Tally {
  readonly received: number;
  readonly again: number;
  readonly tests: number;
  /** Answered with something else than 2xx. */
  readonly refused: number;
}

/** A webhook receiver for development. */
export class Receiver implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #options: ReceiverOptions;
  readonly #known = new Set<string>();
  readonly #tally = { received: 0, again: 0, tests: 0, refused: 0 };
  #failures: number;

  private constructor(server: Server, options: ReceiverOptions) {
    this.#server = server;
    this.#options = options;
    this.#failures = options.failFirst;
    const { address, port } = server.address() as AddressInfo;
    this.url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  /** @throws TidingsError `LISTEN_FAILED` */
  static async listen(options: ReceiverOptions): Promise<Receiver> {
    const { host, port } = options;
    const server = createServer();
    try {
      server.listen({ host, port });
      await once(server, 'listening');
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      const reason = REASONS[code] ?? message;
      const details = { address: `${host.includes(':') ? `[${host}]` : host}:${port}`, reason };
      throw new TidingsError('LISTEN_FAILED', details, { cause: error });
    }
    return new Receiver(server, options);
  }

  get tally(): Tally {
    return this.#tally;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const arrival = await this.#judge(request);
      this.#count(arrival);
      const allow = arrival.status === 405 ? { allow: 'POST' } : {};
      // What is left of a body that is too large is not read.
      const close = arrival.status === 413 ? { connection: 'close' } : {};
      await this.#options.onArrival(arrival);
      await sleep(this.#options.delay, this.#options.signal);
      response.writeHead(arrival.status, { ...allow, ...close });
      response.end(arrival.status >= 400 ? `${arrival.problem ?? 'refused'}\n` : undefined);
    } catch (error) {
      // The sender has gone in the middle of its request: it tries again, and nothing was taken.
      response.destroy(error instanceof Error ? error : undefined);
    }
  }

  async #judge(request: IncomingMessage): Promise<Arrival> {
    const id = textOf(request, 'webhook-id');
    const attempt = Number(textOf(request, 'tidings-attempt') ?? Number.NaN);
    const known = { id, attempt: Number.isInteger(attempt) ? attempt : null, change: null };
    const nothing = { ...known, verified: false, again: false, test: false };
    if (request.method !== 'POST') {
      const problem = `a webhook comes by POST, and this is ${request.method ?? 'nothing'}`;
      return { ...nothing, status: 405, problem };
    }
    const body = await readBody(request);
    if (body === null) {
      return { ...nothing, status: 413, problem: `its body is larger than ${BODY_LIMIT} bytes` };
    }
    const distrust = verifySignature(request.headers, body, this.#options.secrets);
    const { wire, test, problem } = readContent(body);
    const read = { ...known, test, change: wire, verified: distrust === null };
    if (distrust !== null && this.#options.verify) {
      // Whose id it is cannot be believed either.
      return { ...read, again: false, status: 401, problem: distrust };
    }
    const again = id !== null && this.#known.has(id);
    const { status, said } = this.#verdict(problem);
    if (status < 300 && id !== null) this.#remember(id);
    return { ...read, again, status, problem: distrust ?? said };
  }

  /** What a request is answered with that may be believed. */
  #verdict(problem: string | null): { readonly status: number; readonly said: string | null } {
    if (this.#failures > 0) {
      this.#failures -= 1;
      return { status: 500, said: `failed as asked for; ${this.#failures} more to come` };
    }
    const { status } = this.#options;
    return problem === null ? { status, said: null } : { status: 400, said: problem };
  }

  #remember(id: string): void {
    this.#known.add(id);
    if (this.#known.size <= KNOWN_IDS) return;
    const [oldest] = this.#known;
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  #count({ again, test, status }: Arrival): void {
    this.#tally.received += 1;
    if (again) this.#tally.again += 1;
    if (test) this.#tally.tests += 1;
    if (status >= 300) this.#tally.refused += 1;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'this user may not use that port',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such name',
};

function textOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

/** The body; null when it is larger than {@link BODY_LIMIT}. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop must not destroy the connection: the refusal still has to be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_LIMIT) return null;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
