import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { DeliveryReport, SubscriptionReport } from '../../src/app/administration.ts';
import { run } from '../../src/cli/run.ts';
import { type RecordedIo, recordedIo, type RecordedIoOptions } from './recorded-io.ts';

/** A request as it came. */
export interface ApiRequested {
  /** `GET /v1/status`, without the query. */
  readonly route: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** Read as JSON; undefined when there was none. */
  readonly body: unknown;
}

/** An answer that is not 200 with JSON. */
export class Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body = '', headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** An error as the API answers it. */
export function problem(status: number, code: string, detail = 'That is so.'): Answer {
  const body = JSON.stringify({ status, code, detail, hint: 'Do this.', title: '', type: '' });
  return new Answer(status, body, { 'content-type': 'application/problem+json' });
}

/** By route, what is answered: an {@link Answer}, or a document. Never answers when it is null. */
export type FakeRoutes = Readonly<Record<string, (request: ApiRequested) => unknown>>;

export interface CommandEnded {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly io: RecordedIo;
}

/** A service of which only the API is there, and commands that ask it. */
export interface FakeApi extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ApiRequested[];
  /** Runs a command on it; a line is split at spaces. */
  tidings(line: string | readonly string[], options?: RecordedIoOptions): Promise<CommandEnded>;
}

export async function fakeApi(routes: FakeRoutes): Promise<FakeApi> {
  const requests: ApiRequested[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const written = await text(request);
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://api');
      const requested: ApiRequested = {
        route: `${request.method} ${pathname}`,
        query: Object.fromEntries(searchParams),
        headers: request.headers,
        body: written === '' ? undefined : JSON.parse(written),
      };
      requests.push(requested);
      const route = routes[requested.route];
      const answer = route === undefined ? problem(404, 'ROUTE_UNKNOWN') : route(requested);
      if (answer === null) return;
      if (answer instanceof Answer) {
        response.writeHead(answer.status, answer.headers).end(answer.body);
      } else {
        response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
        response.end(JSON.stringify(answer));
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    async tidings(line, options = {}) {
      const env = { TIDINGS_API: url, TIDINGS_TOKEN: 'a-token-of-the-tests', ...options.env };
      const io = recordedIo({ ...options, env });
      const words = typeof line === 'string' ? line.split(' ') : line;
      return { code: await run(words, io), ...io.written, io };
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A subscription that was made by the API and has something of everything. */
export const SUBSCRIPTION: SubscriptionReport = {
  name: 'crm',
  source: 'main',
  state: 'live',
  reason: null,
  cursor: 1_200,
  lag: 34,
  inFlight: 2,
  retrying: 1,
  blocked: 0,
  parked: 3,
  stuck: 0,
  stuckSince: null,
  delivered: 900,
  rate: 12.5,
  caughtUpIn: 0,
  lastError: {
    code: 'WEBHOOK_STATUS',
    message: 'no\u001b[2J luck',
    at: '2020-11-20T08:00:00.000Z',
  },
  origin: 'api',
  protected: false,
  createdAt: '2020-11-19T08:00:00.000Z',
  warnings: [],
  restsUntil: null,
  losses: [],
  replays: [{ kind: 'range', from: 100, to: 200 }],
  definition: {
    source: 'main',
    tables: ['public.accounts'],
    operations: ['insert', 'update'],
    columns: null,
    where: 'after.balance > 100',
    to: { webhook: { url: 'https://crm.example/in/s3cret-path', headers: ['authorization'] } },
    delivery: {
      maxConcurrency: 16,
      rate: 20,
      timeout: 10_000,
      maxAttempts: 16,
      backoff: { first: 5_000, factor: 4, max: 28_800_000, jitter: 0.3 },
    },
  },
};

/** A delivery that is parked. */
export const DELIVERY: DeliveryReport = {
  subscription: 'crm',
  offset: 123,
  table: 'public.accounts',
  key: '7',
  state: 'parked',
  attempts: 16,
  failedAt: '2020-11-19T08:00:00.000Z',
  nextAttemptAt: null,
  lastError: {
    code: 'WEBHOOK_STATUS',
    message: 'The endpoint answered 503.',
    stack: null,
    status: 503,
    excerpt: '<h1>Sorry\u001b[2J</h1>\n',
  },
  discarded: null,
};
