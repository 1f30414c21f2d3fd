import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
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

test('nobody else may look into a data directory that is made', () => {
  const parent = mkdtempSync(join(tmpdir(), 'tidings-lock-'));
  const directory = join(parent, 'data');
  assert.equal(DataLock.isHeld(directory), false);
  DataLock.acquire(directory)[Symbol.dispose]();
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  rmSync(parent, { recursive: true });
});
