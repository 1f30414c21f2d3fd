import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { until } from '../../test/support/until.ts';
import { defineConfig } from '../config/define-config.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { SqliteState } from '../state/sqlite/sqlite-state.ts';
import { type CreateOptions, createTidings } from './create-tidings.ts';
import { openInspection } from './inspection/inspect.ts';
import type { Tidings } from './tidings.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-service-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Its database refuses every connection. */
function config(): ReturnType<typeof defineConfig> {
  const url = 'postgresql://nobody@127.0.0.1:1/none';
  return defineConfig({
    dataDir: join(directory, 'data'),
    sources: { main: { url, tables: ['public.t'] } },
  });
}

const create = (options?: CreateOptions): Promise<Tidings> => createTidings(config(), options);
const handler = { insert: () => undefined };

test('drained before it was started, and drained twice', async () => {
  const tidings = await create();
  tidings.register('early', 'public.t', handler);
  await Promise.all([tidings.drain(), tidings.drain()]);
  await tidings.finished;
  // The directory is free again.
  await (await create()).drain();
});

test('a drained service takes nothing more: silence would look like lost changes', async () => {
  const tidings = await create();
  await tidings.drain();
  await assert.rejects(tidings.start(), /was drained/);
  assert.throws(() => tidings.register('late', 'public.t', handler), /was drained/);
});

test('drained while it connects', async () => {
  const tidings = await create();
  tidings.register('early', 'public.t', handler);
  await Promise.all([tidings.start(), tidings.start(), tidings.drain()]);
  await tidings.finished;
});

test('a gap that cannot be accepted fails the start, and is shown', async () => {
  await using tidings = await create({ acceptGaps: ['main'] });
  const unreachable = (error: unknown): boolean => isTidingsError(error, 'SOURCE_UNREACHABLE');
  await assert.rejects(tidings.start(), unreachable);
  await assert.rejects(tidings.finished, unreachable);
  const [source] = (await tidings.status()).sources;
  assert.equal(source?.state, 'failed');
  assert.equal(source?.error?.code, 'SOURCE_UNREACHABLE');
});

test('a service that was killed is not shown as running when its pid is in use again', async () => {
  const service = { pid: process.pid, version: '1', startedAt: '', at: '', dataDir: '' };
  const status = JSON.stringify({ service, sources: [], subscriptions: [] });
  await (await create()).drain();
  {
    await using state = SqliteState.open(join(directory, 'data', 'state.sqlite'));
    await state.beat({ pid: process.pid, startedAt: 0, at: Date.now(), status });
  }
  await using inspection = await openInspection(config());
  const { signal } = new AbortController();
  assert.equal((await inspection.status(signal)).service, null);
  await using tidings = await create();
  const started = tidings.start();
  await until(async () => (await inspection.status(signal)).service !== null);
  await tidings.drain();
  await started;
});
