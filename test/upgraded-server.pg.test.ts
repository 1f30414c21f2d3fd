/**
 * pg_upgrade makes a server with another identity and carries the slot over. The servers of the tests
 * bring no pg_upgrade: what is written down of the server is made that of another one instead, and the
 * slot is moved to where a new server's positions begin.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { createTidings } from '../src/app/create-tidings.ts';
import { openInspection } from '../src/app/inspection/inspect.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { isTidingsError, type TidingsError } from '../src/errors/tidings-error.ts';
import { openSqliteLogReader } from '../src/log/sqlite/sqlite-log.ts';
import type { CheckResult } from '../src/observe/check-result.ts';
import { freshDatabase, type TestDatabase } from './support/postgres.ts';
import { until } from './support/until.ts';

const { signal } = new AbortController();

interface At {
  readonly database: TestDatabase;
  readonly dataDir: string;
}

function configOf({ database, dataDir }: At): ReturnType<typeof defineConfig> {
  return defineConfig({ dataDir, sources: { main: { url: database.url, tables: ['public.*'] } } });
}

/** Writes a row while capture runs, and waits until the log has all so far. */
async function captured(
  at: At,
  id: number,
  upgraded: readonly string[] = [],
  acceptGaps: readonly string[] = [],
): Promise<void> {
  await using tidings = await createTidings(configOf(at), { upgraded, acceptGaps });
  await tidings.start();
  await until(async () => (await tidings.status()).sources[0]?.state === 'streaming');
  await at.database.client.query(`INSERT INTO t VALUES (${id})`);
  const directory = join(at.dataDir, 'log', 'main');
  await using log = await openSqliteLogReader({ directory, source: 'main' });
  await until(async () => {
    await log.refresh();
    return log.head === id;
  });
  assert.equal((await log.gaps()).length, acceptGaps.length, 'nothing else is lost');
}

async function refusal(run: Promise<unknown>): Promise<TidingsError> {
  try {
    await run;
  } catch (error) {
    assert.ok(isTidingsError(error), String(error));
    return error;
  }
  return assert.fail('it was not refused');
}

async function checkOf(at: At): Promise<CheckResult | undefined> {
  await using inspection = await openInspection(configOf(at));
  const subjects = await inspection.check(signal);
  return subjects.flatMap(({ checks }) => checks).find(({ name }) => name === 'identity');
}

function storedIdentity({ dataDir }: At, identity?: string): string {
  const state = new DatabaseSync(join(dataDir, 'state.sqlite'));
  try {
    if (identity !== undefined) state.prepare('UPDATE sources SET identity = ?').run(identity);
    return String(state.prepare('SELECT identity FROM sources').get()?.['identity']);
  } finally {
    state.close();
  }
}

test('a new server behind a slot that was carried over: told, and gone on with when asked to', async () => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-upgraded-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const at = { database, dataDir };
  const { client } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY)');
  await captured(at, 1);
  assert.equal((await checkOf(at))?.status, 'ok');

  const identity = storedIdentity(at);
  const before = storedIdentity(at, identity.replace(/:\d+#/, ':1#'));
  const slot = `(SELECT slot_name FROM pg_replication_slots WHERE database = current_database())`;
  await client.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 10000))`);
  await until(async () => {
    const { rowCount } = await client.query(
      'SELECT FROM pg_replication_slots WHERE database = current_database() AND NOT active',
    );
    return rowCount === 1;
  });
  await client.query(`SELECT pg_replication_slot_advance(${slot}, pg_current_wal_lsn())`);

  const changed = await refusal(captured(at, 2));
  assert.equal(changed.code, 'SOURCE_CHANGED');
  assert.match(changed.hint, /`tidings start --upgraded main`/);
  const check = await checkOf(at);
  assert.equal(check?.status, 'failed');
  assert.match(check?.fix ?? '', /^tidings start --upgraded main /);
  assert.equal(storedIdentity(at), before, 'nothing was written down');

  // What has another name and another number is another database, whoever says what.
  storedIdentity(at, 'postgresql:1#1 elsewhere');
  const elsewhere = await refusal(captured(at, 2, ['main']));
  assert.equal(elsewhere.code, 'SOURCE_CHANGED');
  assert.doesNotMatch((await checkOf(at))?.fix ?? '', /^tidings start/);

  storedIdentity(at, before);
  await captured(at, 2, ['main']);
  assert.equal(storedIdentity(at), identity);
  await captured(at, 3, ['main']);
  await captured(at, 4);

  // Not carried over: told as what it is, with a way on in the same log.
  storedIdentity(at, before);
  await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE database = current_database() AND NOT active`);
  const lost = await refusal(captured(at, 5, ['main']));
  assert.equal(lost.code, 'SLOT_NOT_CARRIED_OVER');
  assert.match(lost.hint, /`tidings start --upgraded main --accept-gap main`/);
  assert.match((await checkOf(at))?.fix ?? '', /^tidings start --upgraded main --accept-gap main /);
  assert.equal((await refusal(captured(at, 5, [], ['main']))).code, 'SOURCE_CHANGED');
  assert.equal(storedIdentity(at), before);
  await captured(at, 5, ['main'], ['main']);
  assert.equal(storedIdentity(at), identity);
});
