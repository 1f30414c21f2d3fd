import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import { SqliteState } from '../state/sqlite/sqlite-state.ts';
import { createTidings } from './create-tidings.ts';
import { openInspection } from './inspection/inspect.ts';

const URL = 'postgresql://nobody:secret@127.0.0.1:1/none';

test('a log whose state is gone is refused, not begun anew', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const config = { dataDir, sources: { main: { url: URL } } };
  await (await createTidings(config))[Symbol.asyncDispose]();
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(dataDir, `state.sqlite${suffix}`), { force: true });
  }
  await assert.rejects(createTidings(config), (error) => isTidingsError(error, 'STATE_MISSING'));
  rmSync(dataDir, { recursive: true });
});

test('a state whose WAL is gone is refused, as long as nobody makes do with the rest', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'tidings create-'));
  const dataDir = join(parent, 'killed');
  const sources = { main: { url: URL } };
  {
    const running = { dataDir: join(parent, 'running'), sources };
    await using _tidings = await createTidings(running);
    await using state = SqliteState.open(join(running.dataDir, 'state.sqlite'));
    await state.addSubscriptions([
      {
        name: 'crm',
        source: 'main',
        cursor: 0,
        paused: null,
        createdAt: 1,
        definition: null,
        restsUntil: null,
      },
    ]);
    await state.checkpoint([{ name: 'crm', cursor: 9, put: [], remove: [], losses: [] }]);
    // What a SIGKILL leaves of a service, and then somebody removes a file of it.
    cpSync(running.dataDir, dataDir, { recursive: true });
  }
  rmSync(join(dataDir, 'state.sqlite-wal'));
  const config = { dataDir, sources };
  let hint = '';
  const refused = (error: unknown): boolean => {
    if (!isTidingsError(error, 'STATE_MISSING')) return false;
    assert.match(error.message, /state\.sqlite-wal/);
    hint = error.hint;
    return true;
  };
  await using inspection = await openInspection(config);
  const never = new AbortController().signal;
  await assert.rejects(inspection.trim({ before: 1 }, { force: false }, never), refused);
  await inspection.status(never); // Looking changes nothing.
  await assert.rejects(createTidings(config), refused);
  execFileSync('sh', ['-c', hint.slice(hint.indexOf('node -e'))]);
  await using tidings = await createTidings(config);
  const [crm] = (await tidings.status()).subscriptions;
  assert.deepEqual([crm?.name, crm?.cursor], ['crm', 0]);
  await tidings.drain();
  rmSync(parent, { recursive: true });
});

test('a log whose state is gone is not trimmed either', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const config = { dataDir, sources: { main: { url: URL } } };
  await (await createTidings(config))[Symbol.asyncDispose]();
  rmSync(join(dataDir, 'state.sqlite'));
  await using inspection = await openInspection(config);
  await assert.rejects(
    inspection.trim({ before: 1 }, { force: false }, new AbortController().signal),
    (error) => isTidingsError(error, 'STATE_MISSING'),
  );
  await assert.rejects(createTidings(config), (error) => isTidingsError(error, 'STATE_MISSING'));
  rmSync(dataDir, { recursive: true });
});

test('the state can be read by its owner alone', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  await using tidings = await createTidings({ dataDir, sources: { main: { url: URL } } });
  assert.equal(statSync(join(dataDir, 'state.sqlite')).mode & 0o077, 0);
  await tidings.drain();
  rmSync(dataDir, { recursive: true });
});

test('a configuration without a source is refused', async () => {
  await assert.rejects(createTidings({}), (error) => isTidingsError(error, 'CONFIG_NO_SOURCE'));
});

test('a drained service still says how it ended', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-create-'));
  const tidings = await createTidings({ dataDir, sources: { main: { url: URL } } });
  tidings.register('one', 'public.t', { insert: () => undefined });
  await tidings.drain();
  const status = await tidings.status();
  assert.equal(status.sources[0]?.state, 'stopped');
  assert.deepEqual(
    status.subscriptions.map(({ name }) => name),
    ['one'],
  );
  rmSync(dataDir, { recursive: true });
});
