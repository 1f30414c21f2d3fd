import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NO_DATABASE, serveApi } from '../../test/support/api-fixture.ts';
import { Answer, fakeApi } from '../../test/support/fake-api.ts';
import { recordedIo } from '../../test/support/recorded-io.ts';
import { run } from './run.ts';

const cwd = mkdtempSync(join(tmpdir(), 'tidings-health-'));
after(() => rmSync(cwd, { recursive: true }));

async function health(line: string, env: Readonly<Record<string, string>> = {}) {
  const io = recordedIo({ cwd, env });
  const code = await run(['health', ...line.split(' ').filter((word) => word !== '')], io);
  return { code, ...io.written };
}

test('a service whose database cannot be reached is up and not ready', async () => {
  await using api = await serveApi();
  const env = { TIDINGS_DATA_DIR: api.dataDir, DATABASE_URL: NO_DATABASE };
  assert.deepEqual(await health('', env), { code: 0, out: 'up\n', err: '' });
  const { code, out } = await health('--ready', env);
  assert.equal(code, 1);
  assert.match(out, /^main {2}(connecting|reconnecting)/);
  const json = await health('--ready --json', env);
  assert.equal(json.code, 1);
  assert.equal((JSON.parse(json.out) as { ready: boolean }).ready, false);
});

test('ready, by address and without a token', async () => {
  const sources = [{ source: 'main', ready: true, state: 'streaming', code: null }];
  await using api = await fakeApi({
    'GET /healthz': () => ({ status: 'ok' }),
    'GET /readyz': () => ({ ready: true, sources, reasons: [] }),
  });
  assert.deepEqual(await health(`--ready --api ${api.url}`), {
    code: 0,
    out: 'main  streaming\n',
    err: '',
  });
  assert.equal((await health(`--json --api ${api.url}`)).out, '{"status":"ok"}\n');
  assert.equal(api.requests[0]?.headers.authorization, undefined);
});

test('no service, one that says something else, and one that fails', async () => {
  const none = await health('', { TIDINGS_DATA_DIR: join(cwd, 'data'), DATABASE_URL: NO_DATABASE });
  assert.equal(none.code, 1);
  assert.match(none.err, /SERVICE_NOT_RUNNING/);
  for (const answer of [new Answer(404), new Answer(500), new Answer(200, 'nginx')]) {
    await using api = await fakeApi({ 'GET /healthz': () => answer });
    const { code, err } = await health(`--api ${api.url}`);
    assert.equal(code, 1);
    assert.match(err, /SERVICE_STRANGE/);
  }
});
