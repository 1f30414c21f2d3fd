import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { mock, test } from 'node:test';
import {
  type Answered,
  type Asked,
  NO_DATABASE,
  recordingLogger,
  type ServedApi,
  serveApi,
} from '../../test/support/api-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';
import { SourceDelivery } from '../delivery/source-delivery.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { METRICS } from '../observe/metric-catalogue.ts';
import { controlFile } from './control-file.ts';
import { createTidings } from './create-tidings.ts';
import type { Problem } from './problem.ts';

/** Also checks what every error has. */
function assertProblem(answered: Answered, status: number, code: ErrorCode): Problem {
  assert.equal(answered.headers['content-type'], 'application/problem+json');
  const problem = answered.json<Problem>();
  assert.deepEqual([answered.status, problem.status, problem.code], [status, status, code]);
  assert.equal(problem.type, `urn:tidings:error:${code}`);
  assert.equal(problem.instance, `urn:uuid:${String(answered.headers['request-id'])}`);
  return problem;
}

const LOOK = 'look-0123456789abcdef';
const PLAIN = 'plain-0123456789abcdef';
const WRONG = 'wrong-0123456789abcdef';

const NAME = 'mail';
const register = (tidings: ServedApi['tidings']): void => {
  tidings.register(NAME, 'public.t', { insert: () => undefined });
};

test(
  'without configuration it listens on this machine alone, for those who can read its file',
  ENDS,
  async () => {
    await using api = await serveApi();
    assert.match(api.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(api.tidings.url, api.url);
    assert.equal((await api.ask('GET', '/v1/status')).status, 200);
    const missing = await api.ask('GET', '/v1/status', { token: null });
    assertProblem(missing, 401, 'TOKEN_MISSING');
    assert.match(String(missing.headers['www-authenticate']), /^Bearer/);
    assertProblem(await api.ask('GET', '/v1/status', { token: 'x' }), 401, 'TOKEN_UNKNOWN');
  },
);

test(
  'the control file is there while it runs, whatever an earlier run has left',
  ENDS,
  async () => {
    const api = await serveApi({}, ({ url }) => assert.equal(url, null));
    writeFileSync(controlFile(api.dataDir), 'stale');
    await api.tidings.drain();
    assert.equal(existsSync(controlFile(api.dataDir)), false);
    assert.equal(api.tidings.url, null);
    await api[Symbol.asyncDispose]();
  },
);

test(
  'a control file that cannot be written does not keep the service from starting',
  ENDS,
  async () => {
    await using api = await serveApi();
    await api.tidings.drain();
    await using stack = new AsyncDisposableStack();
    const lines: string[] = [];
    const logger = recordingLogger(lines);
    const config = { dataDir: api.dataDir, sources: { main: { url: NO_DATABASE } } };
    // A folder in its place, which no file replaces.
    mkdirSync(join(controlFile(api.dataDir), 'full'), { recursive: true });
    const tidings = stack.use(await createTidings(config, { logger }));
    const started = tidings.start();
    await until(() => tidings.url !== null);
    assert.equal((await fetch(`${String(tidings.url)}/healthz`)).status, 200);
    assert.ok(lines.some((line) => line.startsWith('warn') && line.includes('control.json')));
    await tidings.drain();
    await started;
    rmSync(controlFile(api.dataDir), { recursive: true });
  },
);

test('strangers learn whether it is up and ready, and nothing else', ENDS, async () => {
  await using api = await serveApi();
  const health = await api.ask('GET', '/healthz', { token: null });
  assert.deepEqual([health.status, health.json()], [200, { status: 'ok' }]);
  const ready = await api.ask('GET', '/readyz', { token: null });
  const reason = { source: 'main', state: 'reconnecting', code: 'SOURCE_UNREACHABLE' };
  const unready = { ready: false, sources: [{ ...reason, ready: false }], reasons: [reason] };
  assert.deepEqual([ready.status, ready.json()], [503, unready]);
  const one = await api.ask('GET', '/readyz?source=main', { token: null });
  assert.deepEqual([one.status, one.json()], [503, unready]);
  assertProblem(
    await api.ask('GET', '/readyz?source=none', { token: null }),
    404,
    'SOURCE_UNKNOWN',
  );
  // The same once everything is loaded.
  assert.equal((await api.ask('GET', '/healthz', { token: null })).text, health.text);
  assert.equal((await api.ask('HEAD', '/healthz', { token: null })).text, '');
  for (const path of ['/metrics', '/openapi.json', '/v1/subscriptions', '/nothing', '/'])
    assertProblem(await api.ask('GET', path, { token: null }), 401, 'TOKEN_MISSING');
});

test('tokens have the rights that they were given', ENDS, async () => {
  const tokens = { viewer: { token: LOOK, rights: ['read'] as const } };
  const http = { host: '127.0.0.1', port: 0, token: PLAIN, tokens };
  await using api = await serveApi({ http }, register);
  const pause = (token: string): Promise<Answered> =>
    api.ask('POST', `/v1/subscriptions/${NAME}/pause`, { token });
  assert.equal((await api.ask('GET', '/v1/status', { token: LOOK })).status, 200);
  assertProblem(await pause(LOOK), 403, 'RIGHT_MISSING');
  assert.equal((await pause(PLAIN)).status, 200);
  assert.equal((await pause(api.controlToken)).status, 200);
  assertProblem(await api.ask('GET', '/v1/status', { token: null }), 401, 'TOKEN_MISSING');
});

test('beyond loopback it does not even begin without a token', ENDS, async () => {
  const http = { host: '0.0.0.0', port: 0 };
  await assert.rejects(serveApi({ http }), { code: 'HTTP_TOKEN_REQUIRED' });
  await using api = await serveApi({ http: { ...http, token: PLAIN } });
  assert.match(api.url, /^http:\/\/127\.0\.0\.1:/);
  const asked = { token: PLAIN, headers: { host: 'tidings.example' } };
  assert.equal((await api.ask('GET', '/v1/status', asked)).status, 200);
});

test('a port that is taken: the start fails, and the directory is free again', ENDS, async () => {
  await using api = await serveApi();
  const port = Number(new URL(api.url).port);
  const directory = join(api.dataDir, 'other');
  const config = { dataDir: directory, sources: { main: { url: NO_DATABASE } }, http: { port } };
  for (const _time of [1, 2]) {
    await using tidings = await createTidings(config);
    await assert.rejects(tidings.start(), { code: 'HTTP_LISTEN_FAILED' });
    assert.equal(existsSync(controlFile(directory)), false);
    assert.equal((await tidings.status()).sources[0]?.state, 'stopped');
  }
});

test(
  'without tokens, programs of this machine are answered and web pages are not',
  ENDS,
  async () => {
    await using api = await serveApi({
      http: { host: '127.0.0.1', port: 0, cors: ['https://console.example'] },
    });
    const status = (headers: Record<string, string>): Promise<Answered> =>
      api.ask('GET', '/v1/status', { token: null, headers });
    assert.equal((await status({})).status, 200);
    assertProblem(await status({ host: 'evil.example' }), 403, 'HOST_REFUSED');
    assertProblem(await status({ origin: 'https://evil.example' }), 403, 'ORIGIN_REFUSED');
    assertProblem(await status({ 'sec-fetch-site': 'cross-site' }), 403, 'ORIGIN_REFUSED');
    const allowed = await status({ origin: 'https://console.example' });
    assert.equal(allowed.status, 200);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://console.example');
    assert.equal(allowed.headers.vary, 'Origin');
  },
);

test('a preflight is answered for listed origins alone', ENDS, async () => {
  const http = { host: '127.0.0.1', port: 0, token: PLAIN, cors: ['https://console.example'] };
  await using api = await serveApi({ http });
  const preflight = (origin: string): Promise<Answered> =>
    api.ask('OPTIONS', '/v1/subscriptions', {
      token: null,
      headers: { origin, 'access-control-request-method': 'POST' },
    });
  const { status, headers } = await preflight('https://console.example');
  assert.equal(status, 204);
  assert.equal(headers['access-control-allow-origin'], 'https://console.example');
  assert.match(String(headers['access-control-allow-methods']), /\bDELETE\b/);
  assert.match(String(headers['access-control-allow-headers']), /\bAuthorization\b/);
  assert.equal(headers['access-control-allow-credentials'], undefined);
  const foreign = await preflight('https://evil.example');
  assertProblem(foreign, 401, 'TOKEN_MISSING');
  assert.equal(foreign.headers['access-control-allow-origin'], undefined);
});

test('CORS is off unless it is configured', ENDS, async () => {
  await using api = await serveApi();
  const { headers } = await api.ask('GET', '/v1/status', { headers: { origin: 'https://a.b' } });
  assert.deepEqual(
    Object.keys(headers).filter((name) => name.startsWith('access-control')),
    [],
  );
});

test('addresses and methods that do not exist', ENDS, async () => {
  await using api = await serveApi();
  for (const path of ['/', '/v1', '/v1/subscriptions/', '/V1/status', '/v1/status/x'])
    assertProblem(await api.ask('GET', path), 404, 'ROUTE_UNKNOWN');
  const wrong = await api.ask('DELETE', '/v1/status', { body: '{' });
  assertProblem(wrong, 405, 'METHOD_NOT_ALLOWED');
  assert.equal(wrong.headers.allow, 'GET, HEAD');
  const { headers } = await api.ask('PATCH', `/v1/subscriptions/${NAME}`);
  assert.equal(headers.allow, 'DELETE, GET, HEAD, PUT');
  assertProblem(await api.ask('GET', '/v1/%zz'), 400, 'REQUEST_INVALID');
  assertProblem(
    await api.ask('GET', `/v1/subscriptions/${'x'.repeat(2_000)}`),
    400,
    'REQUEST_INVALID',
  );
});

test('bodies that are not read', ENDS, async () => {
  await using api = await serveApi({}, register);
  const pause = (asked: Asked): Promise<Answered> =>
    api.ask('POST', `/v1/subscriptions/${NAME}/pause`, asked);
  const large = JSON.stringify({ reason: 'x'.repeat(1_048_577) });
  assertProblem(await pause({ body: large }), 413, 'BODY_TOO_LARGE');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense', 'text/json']) {
    const asked = { body: '{}', headers: { 'content-type': type } };
    assertProblem(await pause(asked), 415, 'MEDIA_TYPE_UNSUPPORTED');
  }
  for (const body of [
    '{',
    'x',
    '{"reason":"a"}}',
    '{"__proto__":{"reason":"a"}}',
    '"a"',
    '[]',
    '1',
  ])
    assertProblem(await pause({ body }), 400, 'REQUEST_INVALID');
  for (const body of ['', '{}', 'null', '{"reason":"a"}'])
    assert.equal((await pause({ body })).status, 200, body);
});

test('a parameter that is wrong is named', ENDS, async () => {
  await using api = await serveApi({}, register);
  const detail = async (path: string): Promise<string> =>
    assertProblem(await api.ask('GET', path), 400, 'REQUEST_INVALID').detail;
  assert.match(await detail('/v1/changes?limit=0'), /query limit: has to be a whole number/);
  assert.match(await detail('/v1/changes?after=1e3'), /query after/);
  assert.match(await detail('/v1/changes?after=9007199254740992'), /query after/);
  assert.match(await detail('/v1/changes?wait=61s'), /query wait: has to be a duration/);
  assert.match(await detail('/v1/changes?operations=insert,upsert'), /query operations/);
  assert.match(await detail('/v1/changes?limit=1&limit=2'), /query limit/);
  assert.match(await detail('/v1/changes?waitt=1'), /waitt/);
  assert.match(await detail('/v1/deliveries?state=lost'), /query state/);
  assert.match(await detail(`/v1/subscriptions/${NAME}/deliveries/x`), /params offset/);
});

test('headers that every answer has', ENDS, async () => {
  await using api = await serveApi();
  for (const path of ['/v1/status', '/nothing', '/readyz']) {
    const { headers } = await api.ask('GET', path);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.match(String(headers['request-id']), /^[\da-f-]{36}$/);
  }
});

test('what is no HTTP is refused and ends there', ENDS, async () => {
  await using api = await serveApi();
  const { port } = new URL(api.url);
  for (const request of [
    'nonsense\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n', // No host.
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    'POST /v1/status HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ]) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(request);
    assert.match(await text(socket), /^HTTP\/1\.1 4\d\d /, request.slice(0, 40));
  }
});

test('requests are logged without what is secret in them', ENDS, async () => {
  await using api = await serveApi({ http: { host: '127.0.0.1', port: 0, token: PLAIN } });
  await api.ask('GET', '/v1/status?where=after.iban%3D%3D1', { token: PLAIN });
  await api.ask('GET', '/v1/status', { token: WRONG });
  const lines = api.lines.filter((line) => line.includes('/v1/status'));
  assert.equal(lines.length, 2);
  for (const line of lines) assert.match(line, /^debug .*"method":"GET","path":"\/v1\/status"/);
  assert.match(lines[0] ?? '', /"caller":"http.token"/);
  assert.doesNotMatch(api.lines.join('\n'), /-0123456789|iban|hunter2/);
  assert.ok(!api.lines.join('\n').includes(api.controlToken));
});

test('the metrics are those of the catalogue, in the format of Prometheus', ENDS, async () => {
  await using api = await serveApi({}, register);
  const { status, headers, text } = await api.ask('GET', '/metrics');
  assert.equal(status, 200);
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const families = parseExposition(text);
  for (const { name, type } of Object.values(METRICS)) assert.equal(families.get(name), type, name);
  assert.equal(families.size, Object.keys(METRICS).length);
});

/** Family and type; checks each line's grammar, and that samples belong to a family. */
function parseExposition(exposition: string): Map<string, string> {
  const families = new Map<string, string>();
  const label = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
  const sample = new RegExp(
    `^([a-zA-Z_:][\\w:]*)(?:\\{(?:${label}(?:,${label})*)?\\})? (-?[\\d.]+(?:e[+-]?\\d+)?|[+-]Inf|NaN|Nan)$`,
  );
  assert.ok(exposition.endsWith('\n'));
  for (const line of exposition.split('\n').filter((line) => line !== '')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) families.set(type[1] ?? '', type[2] ?? '');
    if (line.startsWith('#')) continue;
    const name = sample.exec(line)?.[1];
    assert.ok(name !== undefined, line);
    const family = name.replace(/_(bucket|sum|count)$/, '');
    assert.ok(families.has(name) || families.get(family) === 'histogram', line);
  }
  return families;
}

test(
  'a subscription that cannot begin is not made, and its name is free for a better one',
  ENDS,
  async () => {
    await using api = await serveApi();
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const made = (from: unknown): Promise<Answered> => {
      const to = { webhook: { url: 'https://crm.example', secret } };
      return api.ask('POST', '/v1/subscriptions', {
        body: { name: NAME, tables: ['public.*'], from, to },
      });
    };
    assertProblem(await made(1_000_000), 400, 'OFFSET_UNKNOWN');
    const { subscriptions } = (await api.ask('GET', '/v1/subscriptions')).json<{
      readonly subscriptions: readonly unknown[];
    }>();
    assert.deepEqual(subscriptions, []);
    const answered = await made('head');
    assert.equal(answered.status, 201, answered.text);
  },
);

test(
  'a list of subscriptions asks for their status as often as one does, however many there are',
  ENDS,
  async () => {
    const asked = mock.method(SourceDelivery.prototype, 'status');
    await using api = await serveApi({}, (tidings) => {
      for (let index = 0; index < 50; index += 1) {
        tidings.register(`mail-${index}`, 'public.t', { insert: () => undefined });
      }
    });
    const before = asked.mock.callCount();
    const { subscriptions } = (await api.ask('GET', '/v1/subscriptions')).json<{
      readonly subscriptions: readonly unknown[];
    }>();
    assert.equal(subscriptions.length, 50);
    // Once for the status, once for what only the list has; a beat of the service may come between.
    assert.ok(asked.mock.callCount() - before <= 3, `${asked.mock.callCount() - before} times`);
    asked.mock.restore();
  },
);
