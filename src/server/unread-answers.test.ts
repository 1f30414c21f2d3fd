import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { ENDS, until } from '../../test/support/until.ts';
import type { ChangesPage, ChangesQuery } from '../app/administration.ts';
import type { Tidings } from '../app/tidings.ts';
import { SILENT } from '../observe/logger.ts';
import { Access } from './access.ts';
import { type AnswerLimits } from './answer-room.ts';
import { createApi } from './api.ts';
import { Listener } from './listener.ts';

const TOKEN = 'control-0123456789';
/** Far more than the system takes for a socket that nobody reads. */
const PAGE = 16 << 20;

interface Served extends AsyncDisposable {
  readonly url: string;
  /** What was asked of the service, in order: of each page that was made the offset it begins after. */
  readonly made: number[];
  ask(path: string): Promise<Response>;
  /** A connection that sends these requests at once and reads nothing of the answers. */
  asking(...paths: readonly string[]): Promise<Socket>;
}

async function serve(
  limits: AnswerLimits,
  changes: (query: ChangesQuery, signal?: AbortSignal) => Promise<number> = async () => PAGE,
): Promise<Served> {
  const made: number[] = [];
  const service: Pick<Tidings, 'changes'> = {
    changes: async (query, signal) => {
      const bytes = await changes(query, signal);
      const { after = -1 } = query;
      made.push(after);
      const page: ChangesPage = {
        source: 'main',
        changes: [],
        passedOver: [],
        after,
        floor: 0,
        head: after + 1,
      };
      return bytes === 0 ? page : { ...page, changes: ['x'.repeat(bytes)] as never };
    },
  };
  const draining = new AbortController();
  const api = await createApi({
    service: service as Tidings,
    access: new Access(null, TOKEN),
    http: null,
    logger: SILENT,
    draining: draining.signal,
    limits,
  });
  const listener = await Listener.listen({
    host: '127.0.0.1',
    port: 0,
    logger: SILENT,
    load: async () => (request, response) => api.routing(request, response),
    quick: () => false,
  });
  const sockets: Socket[] = [];
  const { hostname, port } = new URL(listener.url);
  const authorization = `Bearer ${TOKEN}`;
  return {
    url: listener.url,
    made,
    ask: (path) => fetch(`${listener.url}${path}`, { headers: { authorization } }),
    asking: async (...paths) => {
      const socket = connect(Number(port), hostname);
      sockets.push(socket);
      socket.on('error', () => undefined); // Cut off, by the deadline or at the end.
      await once(socket, 'connect');
      const requests = paths.map(
        (path) => `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n\r\n`,
      );
      socket.write(requests.join(''));
      return socket;
    },
    [Symbol.asyncDispose]: async () => {
      draining.abort();
      for (const socket of sockets) socket.destroy();
      await listener.close();
    },
  };
}

const page = (after: number): string => `/v1/changes?after=${after}`;
const twenty = Array.from({ length: 20 }, (_, number) => number);

/** Everything that could have gone on has: others were answered many times meanwhile. */
async function answersOthers(api: Served): Promise<void> {
  for (const _ of twenty) assert.equal((await api.ask('/healthz')).status, 200);
}

test(
  'clients that ask and do not read get no more pages than there is room for',
  ENDS,
  async () => {
    await using api = await serve({ bytes: 3 * PAGE, deadline: 600_000 });
    await Promise.all(twenty.map(() => api.asking(...twenty.map(page))));
    await until(() => api.made.length >= 3);
    await answersOthers(api);
    assert.deepEqual(api.made, [0, 0, 0]);
  },
);

test('a connection has one page under way, and gets all of them in order', ENDS, async () => {
  await using api = await serve({ bytes: 100 * PAGE, deadline: 600_000 });
  const socket = await api.asking(...twenty.map(page), '/v1/none');
  await until(() => api.made.length > 0);
  await answersOthers(api);
  assert.deepEqual(api.made, [0]);
  let bytes = 0;
  let end = '';
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    end = `${end}${chunk.toString('latin1')}`.slice(-1_000);
  });
  await until(() => end.includes('ROUTE_UNKNOWN'));
  assert.deepEqual(api.made, twenty);
  assert.ok(bytes > 20 * PAGE);
});

test('who does not take an answer is let go of, and others get their turn', ENDS, async () => {
  const size = async ({ after }: ChangesQuery): Promise<number> => (after === 3 ? 10 : PAGE);
  await using api = await serve({ bytes: PAGE, deadline: 500 }, size);
  const unread = await api.asking(page(1), page(2));
  const closed = once(unread, 'close');
  await until(() => api.made.length === 1);
  assert.match(await (await api.ask(page(3))).text(), /x{10}/);
  unread.resume();
  await closed;
  assert.deepEqual(api.made, [1, 3]);
});

test('who goes while waiting for room gets nothing made', ENDS, async () => {
  await using api = await serve({ bytes: PAGE, deadline: 600_000 });
  const unread = await api.asking(page(1));
  await until(() => api.made.length === 1);
  const gone = await api.asking(page(2));
  await answersOthers(api);
  gone.destroy();
  await answersOthers(api);
  unread.destroy();
  assert.equal((await api.ask(page(3))).status, 200);
  assert.deepEqual(api.made, [1, 3]);
});

test('who goes while a page is made takes no room with it', ENDS, async () => {
  const made = Promise.withResolvers<number>();
  let making = 0;
  await using api = await serve({ bytes: PAGE, deadline: 600_000 }, async ({ after }) => {
    making += 1;
    return after === 1 ? await made.promise : 10;
  });
  const gone = await api.asking(page(1));
  await until(() => making === 1);
  const next = api.ask(page(2));
  gone.destroy();
  await answersOthers(api);
  made.resolve(PAGE);
  assert.match(await (await next).text(), /x{10}/);
  assert.match(await (await api.ask(page(3))).text(), /x{10}/);
});

test(
  'who waits for a change keeps nobody from a page, and gets it when there is one',
  ENDS,
  async () => {
    const there = Promise.withResolvers<number>();
    let waiting = 0;
    let isThere = false;
    await using api = await serve(
      { bytes: PAGE, deadline: 600_000 },
      async ({ after, wait = 0 }) => {
        if (after !== 7) return 10;
        if (wait === 0) return isThere ? 20 : 0;
        waiting += 1;
        return await there.promise;
      },
    );
    const polls = twenty.map(async () => (await api.ask(`${page(7)}&wait=60s`)).text());
    await until(() => waiting === twenty.length);
    assert.match(await (await api.ask(page(8))).text(), /x{10}/);
    isThere = true;
    there.resolve(5);
    for (const text of await Promise.all(polls)) assert.match(text, /x{20}/);
  },
);

test('while an answer is not taken, no more of its connection is read', ENDS, async () => {
  await using api = await serve({ bytes: PAGE, deadline: 600_000 });
  const socket = await api.asking(page(0));
  await until(() => api.made.length === 1);
  const request = `GET ${page(1)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`;
  // More than the system takes for a socket that is not read from.
  for (let written = 0; written < 24 << 20; written += 1 << 20) {
    socket.write(request.repeat(Math.ceil((1 << 20) / request.length)));
  }
  await answersOthers(api);
  assert.deepEqual(api.made, [0]);
  assert.ok(socket.writableLength > 8 << 20, `${socket.writableLength} bytes wait`);
});

test('requests with bodies that come at once are answered in order, too', ENDS, async () => {
  await using api = await serve({ bytes: PAGE, deadline: 600_000 }, async () => 10);
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  let answers = '';
  socket.on('data', (chunk: Buffer) => (answers += chunk.toString('latin1')));
  const head = (path: string, bytes: number): string =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n`;
  const body = JSON.stringify({ reason: 'y'.repeat(100_000) });
  socket.write(`${head('/v1/one', body.length)}${body}${head('/v1/two', body.length)}`);
  socket.write(
    `${body}GET ${page(1)} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`,
  );
  await until(() => /ROUTE_UNKNOWN.*ROUTE_UNKNOWN.*x{10}/s.test(answers));
  socket.destroy();
});
