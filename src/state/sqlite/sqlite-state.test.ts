import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { testState } from '../state.contract.ts';
import { SqliteState } from './sqlite-state.ts';
import { SqliteStateReader } from './sqlite-state-reader.ts';

testState('sqlite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-state-'));
  return {
    open: async () => SqliteState.open(join(directory, 'state.sqlite')),
    [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true }),
  };
});

test('another process looks at the state while the service writes', async (context) => {
  const path = temporaryFile(context);
  assert.equal(SqliteStateReader.openExisting(path), null);
  await using state = SqliteState.open(path);
  await using reader = SqliteStateReader.openExisting(path);
  assert.equal(await reader?.heartbeat(), null);
  await state.beat({ pid: 1, startedAt: 2, at: 3, status: '{}' });
  assert.equal((await reader?.heartbeat())?.at, 3);
  assert.equal((await reader?.subscriptions())?.length, 0);
});

test('a state of a newer version is refused by its code, and left as it is', (context) => {
  const path = temporaryFile(context);
  const newer = new DatabaseSync(path);
  newer.exec('PRAGMA user_version = 999');
  newer.close();
  assert.throws(
    () => SqliteState.open(path),
    (error) => isTidingsError(error, 'DATA_NEWER'),
  );
  assert.throws(
    () => SqliteStateReader.openExisting(path),
    (error) => isTidingsError(error, 'DATA_NEWER'),
  );
});

test('a file that is no state, or a directory that is not there, is a coded error', (context) => {
  const path = temporaryFile(context);
  assert.throws(
    () => SqliteState.open(join(path, 'missing', 'state.sqlite')),
    (error) => isTidingsError(error, 'STATE_FAILED') && error.message.includes('missing'),
  );
});

function temporaryFile(context: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-state-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state.sqlite');
}
