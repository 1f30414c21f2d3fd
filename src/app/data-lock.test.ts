import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import { SqliteStateReader } from '../state/sqlite/sqlite-state-reader.ts';
import { SqliteState } from '../state/sqlite/sqlite-state.ts';
import { until } from '../../test/support/until.ts';
import { createTidings } from './create-tidings.ts';
import { DataLock } from './data-lock.ts';

test('a data directory has one owner, in this process and in others, until it ends', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-lock-'));
  const script = `
    const { DataLock } = await import(${JSON.stringify(new URL('./data-lock.ts', import.meta.url).href)});
    globalThis.lock = DataLock.acquire(${JSON.stringify(directory)});
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  assert.throws(
    () => DataLock.acquire(directory),
    (error) => isTidingsError(error, 'DATA_LOCKED') && error.message.includes(String(holder.pid)),
  );
  assert.equal(DataLock.isHeld(directory), true);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.equal(DataLock.isHeld(directory), false);
  {
    using _lock = DataLock.acquire(directory);
    assert.equal(DataLock.isHeld(directory), true);
    assert.throws(
      () => DataLock.acquire(directory),
      (error) => isTidingsError(error, 'DATA_LOCKED'),
    );
  }
  DataLock.acquire(directory)[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

test('a lock whose file is deleted holds all the same, and its file comes back', async (context) => {
  const parent = mkdtempSync(join(tmpdir(), 'tidings-lock-'));
  context.after(() => rmSync(parent, { recursive: true }));
  const url = 'postgresql://nobody:secret@127.0.0.1:1/none';
  const dataDir = join(parent, 'data');
  const config = { dataDir, sources: { main: { url } } };
  await using _tidings = await createTidings(config);
  const script = `
    const { createTidings } = await import(${JSON.stringify(new URL('./create-tidings.ts', import.meta.url).href)});
    await createTidings(${JSON.stringify(config)}).then(
      () => process.stdout.write('let in'),
      ({ code, message }) => process.stdout.write(code + message));`;
  const second = (): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  const refusal = new RegExp(`^DATA_LOCKED.*pid ${process.pid}`);
  const file = join(dataDir, 'lock.sqlite');
  for (const replace of [
    () => rmSync(file),
    // An archive that is unpacked over it brings one of its own.
    () => {
      rmSync(file);
      writeFileSync(file, '');
    },
  ]) {
    replace();
    assert.match(second(), refusal);
    assert.throws(
      () => DataLock.acquire(dataDir),
      (error) => isTidingsError(error, 'DATA_LOCKED'),
    );
    await until(() => DataLock.isHeld(dataDir));
  }
});

test('whoever only looks keeps no service from its start', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-lock-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'state.sqlite');
  DataLock.acquire(directory)[Symbol.dispose]();
  await SqliteState.open(path)[Symbol.asyncDispose]();
  await using reader = SqliteStateReader.openExisting(path);
  assert.deepEqual(await reader?.subscriptions(), []);
  using _lock = DataLock.acquire(directory);
  await using _state = SqliteState.open(path);
  assert.deepEqual(await reader?.subscriptions(), []);
});

test('nobody else may look into a data directory that is made', () => {
  const parent = mkdtempSync(join(tmpdir(), 'tidings-lock-'));
  const directory = join(parent, 'data');
  assert.equal(DataLock.isHeld(directory), false);
  DataLock.acquire(directory)[Symbol.dispose]();
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  rmSync(parent, { recursive: true });
});
