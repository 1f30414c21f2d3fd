import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import { createTidings } from './create-tidings.ts';

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
