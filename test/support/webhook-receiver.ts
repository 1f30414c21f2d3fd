import { type EventEmitter, once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Change } from '../../src/change/change.ts';
import type { Attempt } from '../../src/sink/sink.ts';
import { WebhookSink, type WebhookSinkOptions } from '../../src/sink/webhook/webhook-sink.ts';

/** 32 bytes, as `whsec_`. */
export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** A request as it came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they were written. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

/** How a receiver answers. The request was read to its end. */
export type Answer = (response: ServerResponse, request: Received) => void;

export const ANSWER_204: Answer = (response) => void response.writeHead(204).end();

/** A webhook receiver on loopback that remembers what it got. */
export class WebhookReceiver implements AsyncDisposable {
  readonly requests: Received[] = [];
  /** Connections that are open, and all that ever were. */
  readonly connections: Connections;
  answer: Answer = ANSWER_204;
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
    this.connections = new Connections(server);
    server.on('request', (request, response) => void this.#take(request, response));
  }

  /** @param tls certificate and demands; without it plain HTTP. */
  static async listen(tls?: TlsOptions, host = '127.0.0.1'): Promise<WebhookReceiver> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const receiver = new WebhookReceiver(server, tls === undefined ? 'http' : 'https');
    server.listen({ port: 0, host });
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return this.urlAt('127.0.0.1');
  }

  /** Its address with the host written in another way. */
  urlAt(host: string): string {
    return `${this.#scheme}://${host}:${this.port}/in`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.connections.destroy();
    await closed;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The sender went away in the middle: there is nobody to answer.
      return;
    }
    const { method = '', url = '', headers, rawHeaders } = request;
    const body = Buffer.concat(chunks).toString();
    const received = { method, path: url, headers, rawHeaders, body };
    this.requests.push(received);
    this.answer(response, received);
  }
}

/** A receiver that speaks for itself once it has read a request: what it answers need not be HTTP. */
export class RawReceiver implements AsyncDisposable {
  readonly connections: Connections;
  /** Requests that were read to their end. */
  requests = 0;
  readonly #server = createTcpServer();

  private constructor(answer: (socket: Socket) => void) {
    this.connections = new Connections(this.#server);
    this.#server.on('connection', (socket: Socket) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        if (!isWhole(text)) return;
        text = '';
        this.requests += 1;
        answer(socket);
      });
    });
  }

  static async listen(answer: (socket: Socket) => void): Promise<RawReceiver> {
    const receiver = new RawReceiver(answer);
    receiver.#server.listen({ port: 0, host: '127.0.0.1' });
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/in`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.connections.destroy();
    await closed;
  }
}

/** Whether a text in Latin-1 is a whole request with a length. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const [, length = '0'] = /^content-length: *(\d+)/im.exec(text) ?? [];
  return text.length >= end + 4 + Number(length);
}

/** The connections of a server. */
export class Connections {
  total = 0;
  most = 0;
  readonly #open = new Set<Socket>();

  constructor(server: EventEmitter) {
    server.on('connection', (socket: Socket) => {
      this.total += 1;
      this.#open.add(socket);
      this.most = Math.max(this.most, this.#open.size);
      // The other side may reset it whenever it likes; `close` follows.
      socket.on('error', () => undefined);
      socket.on('close', () => this.#open.delete(socket));
    });
  }

  get open(): number {
    return this.#open.size;
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** A sink for a receiver on loopback. */
export function webhookSink(url: string, rest: Partial<WebhookSinkOptions> = {}): WebhookSink {
  return new WebhookSink({
    url,
    secrets: [SECRET],
    headers: {},
    tls: {},
    allowAddresses: ['127.0.0.0/8', '::1'],
    connections: 16,
    userAgent: 'tidings/test',
    ...rest,
  });
}

/** An attempt with a change of its own. */
export function attempt(index = 0, part: Partial<Change> = {}): Attempt {
  const change: Change = {
    id: `main:0000000001A2B3C4:${index}`,
    source: 'main',
    offset: 40 + index,
    operation: 'update',
    schema: 'public',
    table: 'accounts',
    key: { id: index },
    before: { id: index, email: 'ann@example.org' },
    after: { id: index, email: 'ånn@example.org' },
    changed: ['email'],
    transaction: {
      id: '7712',
      position: '0000000001A2B3C4',
      index,
      last: true,
      committedAt: '2026-11-21T08:00:00.123456Z',
      context: null,
    },
    ...part,
  };
  return { subscription: 'crm', change, number: 1 };
}
