import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { testState } from '../state.contract.ts';
import type { StoredSubscription } from '../state.ts';
import { SqliteState } from './sqlite-state.ts';
import { SqliteStateReader } from './sqlite-state-reader.ts';
import { missingFile } from './wal.ts';

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

/** The tables as format 1 had them. */
const FIRST_FORMAT = `
  CREATE TABLE sources (name TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE subscriptions (
    name TEXT PRIMARY KEY, source TEXT NOT NULL, cursor INTEGER NOT NULL, paused_reason TEXT,
    paused_since INTEGER, created_at INTEGER NOT NULL,
    CHECK ((paused_reason IS NULL) = (paused_since IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE exceptions (
    subscription TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    "offset" INTEGER NOT NULL, table_id INTEGER NOT NULL, "table" TEXT NOT NULL, "key" TEXT,
    previous_key TEXT, state TEXT NOT NULL CHECK (state IN ('retrying', 'blocked', 'parked')),
    attempts INTEGER NOT NULL, next_attempt_at INTEGER, error_code TEXT, error_message TEXT,
    failed_at INTEGER, PRIMARY KEY (subscription, "offset")
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX exceptions_by_state ON exceptions (subscription, state, "offset");
  CREATE TABLE losses (
    subscription TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    from_offset INTEGER NOT NULL, to_offset INTEGER NOT NULL, at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX losses_by_subscription ON losses (subscription);
  CREATE TABLE service (
    id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, started_at INTEGER NOT NULL,
    at INTEGER NOT NULL, status TEXT NOT NULL
  ) STRICT;
  CREATE TABLE syncs (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
  INSERT INTO subscriptions VALUES ('crm', 'main', 40, 'by hand', 7, 5);
  INSERT INTO exceptions VALUES
    ('crm', 9, 1, 'public.accounts', '7', NULL, 'parked', 10, NULL, 'E_CRM', 'broken', 6);
  PRAGMA user_version = 1;
`;

test('a state of the first format is brought up to date with all that is in it', async (context) => {
  const path = temporaryFile(context);
  const first = new DatabaseSync(path);
  first.exec(FIRST_FORMAT);
  first.close();
  await using state = SqliteState.open(path);
  assert.deepEqual(await state.subscription('crm'), {
    name: 'crm',
    source: 'main',
    cursor: 40,
    paused: { reason: 'by hand', since: 7 },
    createdAt: 5,
    definition: null,
    restsUntil: null,
  });
  const parked = await state.exception('crm', 9);
  assert.deepEqual([parked?.attempts, parked?.error], [10, { code: 'E_CRM', message: 'broken' }]);
  await state.addReplay('crm', { kind: 'parked', next: 0, to: 40 });
  await state.removeSubscription('crm');
  assert.equal(await state.exception('crm', 9), null);
});

test('a state without its WAL is known by itself, however it came to be whole again', async (context) => {
  const path = temporaryFile(context);
  const copy = `${path}.copy`;
  assert.equal(missingFile(path), path);
  {
    await using state = SqliteState.open(path);
    await state.addSubscriptions([newSubscription('crm')]);
    await state.checkpoint([{ name: 'crm', cursor: 9, put: [], remove: [], losses: [] }]);
    assert.equal(missingFile(path), null);
    // As after a SIGKILL: first without the WAL, then with it.
    copyFileSync(path, copy);
    assert.equal(missingFile(copy), `${copy}-wal`);
    await using left = SqliteStateReader.openExisting(copy);
    assert.equal((await left?.subscription('crm'))?.cursor, 0, 'made durably, so it is there');
    // The reader has made an empty one.
    assert.equal(missingFile(copy), `${copy}-wal`);
    await left?.[Symbol.asyncDispose]();
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    assert.equal(missingFile(copy), null);
  }
  assert.equal(missingFile(path), null, 'closed in order');
  // Somebody looks with `sqlite3`, whose last connection moves the WAL.
  const looking = new DatabaseSync(copy);
  looking.prepare('SELECT * FROM subscriptions').all();
  looking.close();
  assert.equal(existsSync(`${copy}-wal`), false);
  assert.equal(missingFile(copy), null);
  await using state = SqliteState.open(copy);
  assert.equal((await state.subscription('crm'))?.cursor, 9);
});

test('the WAL stays small, and the file says at every moment that it lacks it', async (context) => {
  const path = temporaryFile(context);
  const copy = `${path}.copy`;
  await using state = SqliteState.open(path);
  await state.addSubscriptions([newSubscription('crm')]);
  let largest = 0;
  for (let round = 0; round < 40; round++) {
    const status = 'x'.repeat(400_000);
    await state.beat({ pid: 1, startedAt: 2, at: round, status });
    largest = Math.max(largest, statSync(`${path}-wal`).size);
    copyFileSync(path, copy);
    assert.equal(missingFile(copy), `${copy}-wal`);
  }
  assert.ok(largest < 6 << 20, `${largest} bytes`);
});

test('a state of an earlier version that was killed has its tables in the WAL alone', (context) => {
  const path = temporaryFile(context);
  const copy = `${path}.copy`;
  const first = new DatabaseSync(path);
  first.exec(`PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; ${FIRST_FORMAT}`);
  copyFileSync(path, copy);
  assert.equal(missingFile(copy), `${copy}-wal`);
  copyFileSync(`${path}-wal`, `${copy}-wal`);
  assert.equal(missingFile(copy), null);
  first.close();
  assert.equal(missingFile(path), null);
});

test('a state of the second format gets a place for what is kept aside', async (context) => {
  const path = temporaryFile(context);
  await SqliteState.open(path)[Symbol.asyncDispose]();
  const second = new DatabaseSync(path);
  second.exec('DROP TABLE kept; PRAGMA user_version = 2');
  second.close();
  assert.equal(SqliteStateReader.openExisting(path), null, 'the service brings it up to date');
  await using state = SqliteState.open(path);
  assert.deepEqual(await state.kept('main'), { records: 0, bytes: 0 });
});

test('a record kept aside that has changed on the disk is not delivered', async (context) => {
  const path = temporaryFile(context);
  {
    await using state = SqliteState.open(path);
    const transaction = {
      first: 1,
      last: 1,
      id: '1',
      position: '1',
      committedAt: 1,
      context: null,
    };
    const images = Buffer.from('all of it');
    const record = { tableId: 1, operation: 'insert', key: '1', previousKey: null } as const;
    await state.keep('main', [{ ...record, offset: 1, images, transaction }]);
  }
  const raw = new DatabaseSync(path);
  raw.exec("UPDATE kept SET images = CAST('all of IT' AS BLOB)");
  raw.close();
  await using state = SqliteState.open(path);
  await assert.rejects(state.keptRecord('main', 1), (error) =>
    isTidingsError(error, 'STATE_FAILED'),
  );
});

test('a file that is no state, or a directory that is not there, is a coded error', (context) => {
  const path = temporaryFile(context);
  assert.throws(
    () => SqliteState.open(join(path, 'missing', 'state.sqlite')),
    (error) => isTidingsError(error, 'STATE_FAILED') && error.message.includes('missing'),
  );
});

function newSubscription(name: string): StoredSubscription {
  const never = { paused: null, definition: null, restsUntil: null };
  return { name, source: 'main', cursor: 0, createdAt: 1, ...never };
}

function temporaryFile(context: { after(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-state-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state.sqlite');
}
