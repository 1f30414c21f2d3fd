import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Answer, fakeApi, problem, SUBSCRIPTION } from '../../test/support/fake-api.ts';
import { until } from '../../test/support/until.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { ApiClient } from './api-client.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tidings-api-client-'));
after(() => rmSync(cwd, { recursive: true }));

/** A data directory with what a service leaves there. */
function dataDirectory(control: unknown): string {
  const directory = mkdtempSync(join(cwd, 'data-'));
  mkdirSync(directory, { recursive: true });
  if (control !== null) writeFileSync(join(directory, 'control.json'), JSON.stringify(control));
  return directory;
}

const LIST = { 'GET /v1/subscriptions': () => ({ subscriptions: [SUBSCRIPTION] }) };
const HERE = { cwd, env: { TIDINGS_API: '' } };

suite('the service is found', () => {
  test('by its data directory, with the token that lies there', async () => {
    await using api = await fakeApi(LIST);
    const control = { url: api.url, token: 'of-the-control-file', pid: process.pid };
    const line = `subscriptions --json --data-dir ${dataDirectory(control)}`;
    const { code, err } = await api.tidings(line, HERE);
    assert.equal(code, 0, err);
    assert.equal(api.requests[0]?.headers.authorization, 'Bearer of-the-control-file');
  });

  test('by its address, with a token by flag before the variable', async () => {
    await using api = await fakeApi(LIST);
    assert.equal((await api.tidings('subscriptions')).code, 0);
    assert.equal((await api.tidings('subscriptions --token by-flag')).code, 0);
    assert.deepEqual(
      api.requests.map(({ headers }) => headers.authorization),
      ['Bearer a-token-of-the-tests', 'Bearer by-flag'],
    );
    const { code, err } = await api.tidings('subscriptions --api ftp://ann:geheim@x');
    assert.equal(code, 64);
    assert.match(err, /^error USAGE: --api \(TIDINGS_API\) has to be an address/);
    assert.doesNotMatch(err, /geheim/);
  });

  test('and when none runs, that is what is said', async () => {
    await using api = await fakeApi({});
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const refused = 'http://127.0.0.1:9';
    const cases = [
      null,
      { url: api.url, token: 't', pid: ended },
      { url: 'http://127.0.0.1:1999', token: 't', pid: process.pid },
      { url: refused },
    ];
    for (const control of cases) {
      const directory = dataDirectory(control);
      const { code, err } = await api.tidings(`subscriptions --data-dir ${directory}`, HERE);
      assert.equal(code, 1);
      assert.equal(
        err,
        `error SERVICE_NOT_RUNNING: No service runs on the data directory ${directory}.\n→ Start it: \`tidings start --data-dir ${directory}\`. Another directory: --data-dir PATH; a service elsewhere: --api URL.\n`,
      );
    }
    assert.equal(api.requests.length, 0);
  });

  test('but nothing listens at an address', async () => {
    await using api = await fakeApi({});
    const { code, err } = await api.tidings('subscriptions --api http://127.0.0.1:1999');
    assert.equal(code, 1);
    assert.match(err, /^error SERVICE_UNREACHABLE: .* cannot be reached: nothing listens there\./);
  });
});

suite('errors of the service', () => {
  test('are told as if they were of the command: code, message, hint, exit code', async () => {
    await using api = await fakeApi({
      'GET /v1/subscriptions/crm': () => problem(404, 'SUBSCRIPTION_UNKNOWN', 'No \u001b[2Jcrm.'),
    });
    const { code, err } = await api.tidings('subscriptions show crm');
    assert.equal(err, 'error SUBSCRIPTION_UNKNOWN: No \\u001b[2Jcrm.\n→ Do this.\n');
    assert.equal(code, 2);
    const asJson = await api.tidings('subscriptions show crm --json');
    assert.deepEqual(JSON.parse(asJson.err), {
      error: { code: 'SUBSCRIPTION_UNKNOWN', message: 'No \u001b[2Jcrm.', hint: 'Do this.' },
    });
  });

  test('end with the exit code that they have; of a newer version, by their status', async () => {
    let status = 400;
    let name = 'OFFSET_UNKNOWN';
    await using api = await fakeApi({ 'GET /v1/subscriptions': () => problem(status, name) });
    assert.equal((await api.tidings('subscriptions')).code, 2);
    name = 'LATER_INVENTED';
    for (const [answered, exit] of [
      [409, 2],
      [422, 64],
      [503, 1],
    ] as const) {
      status = answered;
      assert.equal((await api.tidings('subscriptions')).code, exit);
    }
  });

  test('about tokens say what to set', async () => {
    await using api = await fakeApi({
      'GET /v1/subscriptions': () => problem(401, 'TOKEN_MISSING'),
    });
    const { err } = await api.tidings('subscriptions');
    assert.match(err, /→ Set TIDINGS_TOKEN/);
  });
});

test('something else that answers is told from a service, and gets no token by a redirect', async () => {
  await using other = await fakeApi({ 'GET /stolen': () => ({}) });
  let answer = new Answer(200, '<html>', { 'content-type': 'text/html' });
  await using api = await fakeApi({ 'GET /v1/subscriptions': () => answer });
  const answers: readonly (readonly [Answer, RegExp])[] = [
    [answer, /it sent text\/html/],
    [new Answer(502, 'Bad gateway'), /it answered 502/],
    [new Answer(200, '{', { 'content-type': 'application/json' }), /it sent no JSON/],
    [new Answer(302, '', { location: `${other.url}/stolen` }), /it answered 302/],
  ];
  for (const [given, expected] of answers) {
    answer = given;
    const { code, err } = await api.tidings('subscriptions');
    assert.equal(code, 1);
    assert.match(err, /^error SERVICE_STRANGE: /);
    assert.match(err, expected);
  }
  assert.equal(other.requests.length, 0);
});

test('a service that does not answer is waited for only so long', async () => {
  await using api = await fakeApi({ 'GET /v1/status': () => null });
  const client = new ApiClient(
    { url: api.url, token: null, dataDir: null },
    new AbortController().signal,
  );
  await assert.rejects(client.ask('/v1/status', { deadline: 50 }), (error) => {
    assert.ok(error instanceof TidingsError);
    assert.equal(error.code, 'SERVICE_SILENT');
    return true;
  });
});

test('Ctrl-C ends the wait for an answer', async () => {
  await using api = await fakeApi({ 'GET /v1/subscriptions': () => null });
  const io = await import('../../test/support/recorded-io.ts');
  const recorded = io.recordedIo({ env: { TIDINGS_API: api.url } });
  const { run } = await import('./run.ts');
  const ended = run(['subscriptions'], recorded);
  await until(() => api.requests.length === 1);
  recorded.interrupt();
  assert.equal(await ended, 130);
  assert.equal(recorded.written.err, '');
});
