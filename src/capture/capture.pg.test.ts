/** Invariant 1 as PostgreSQL sees it: how far its slot was told to forget. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freshDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { openTestSource } from '../../test/support/source.ts';
import { until } from '../../test/support/until.ts';
import { readAll } from '../log/log.contract.ts';
import { openSqliteLog, type SqliteLog } from '../log/sqlite/sqlite-log.ts';
import { Capture, type CaptureOptions } from './capture.ts';

interface Running extends AsyncDisposable {
  readonly capture: Capture;
  readonly log: SqliteLog;
  /** What it ended with; null without an error. */
  readonly end: Promise<unknown>;
}

async function start(
  database: TestDatabase,
  directory: string,
  options: Partial<CaptureOptions> = {},
): Promise<Running> {
  const log = await openSqliteLog({ directory, source: 'main' });
  const source = openTestSource({ name: 'main', url: database.url, tables: ['public.t'] });
  const stop = new AbortController();
  const ignore = (): void => undefined;
  const capture = new Capture({
    source,
    log,
    advance: ignore,
    confirmIdentity: () => Promise.resolve(),
    checkSpace: () => Promise.resolve(),
    observer: { captured: ignore, flushed: ignore, state: ignore, failure: ignore },
    signal: stop.signal,
    ...options,
  });
  const end = capture.run().then(
    () => null,
    (error: unknown) => error,
  );
  return {
    capture,
    log,
    end,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await end;
      await source[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

/** Whether the server was told that everything before this LSN may be forgotten. */
async function isAcknowledged({ client }: TestDatabase, lsn: string): Promise<boolean> {
  const { rows } = await client.query<{ told: boolean }>(
    `SELECT confirmed_flush_lsn >= $1::pg_lsn AS told
     FROM pg_replication_slots WHERE database = current_database()`,
    [lsn],
  );
  return rows[0]?.told ?? false;
}

/** When the server last heard from us; null before it did. */
async function lastReply({ client }: TestDatabase): Promise<string | null> {
  const { rows } = await client.query<{ at: string | null }>(
    `SELECT reply_time::text AS at FROM pg_stat_replication r
     JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.database = current_database()`,
  );
  return rows[0]?.at ?? null;
}

/** Inserts a row. @returns the position of the WAL after it. */
async function insert({ client }: TestDatabase): Promise<string> {
  await client.query('INSERT INTO t DEFAULT VALUES');
  const { rows } = await client.query<{ lsn: string }>(
    'SELECT pg_current_wal_insert_lsn()::text AS lsn',
  );
  return rows[0]?.lsn ?? '';
}

async function prepare(database: TestDatabase): Promise<string> {
  await database.client.query('CREATE TABLE t (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY)');
  return mkdtempSync(join(tmpdir(), 'tidings-capture-'));
}

test('while the disk has not answered, PostgreSQL hears nothing of it', async () => {
  await using database = await freshDatabase();
  const directory = await prepare(database);
  const disk = Promise.withResolvers<void>();
  {
    await using running = await start(database, directory);
    const { capture, log } = running;
    await until(() => capture.state === 'streaming');
    await insert(database);
    await until(() => log.head === 1);

    const flush = log.writer.flush.bind(log.writer);
    let asked = false;
    log.writer.flush = async () => {
      asked = true;
      await disk.promise;
      await flush();
    };
    const lsn = await insert(database);
    await until(() => asked);
    // It does hear from us meanwhile: more WAL makes it ask, and we answer.
    const before = await lastReply(database);
    await until(async () => {
      await database.client.query(`SELECT pg_logical_emit_message(false, 'test', '')`);
      return (await lastReply(database)) !== before;
    }, 30_000);
    assert.equal(await isAcknowledged(database, lsn), false);
    assert.equal(log.head, 1);
    disk.resolve();
    await until(() => log.head === 2);
    await until(() => isAcknowledged(database, lsn), 30_000);
  }
  rmSync(directory, { recursive: true });
});

test('a crash between flush and acknowledgement: it comes again and is appended once', async () => {
  await using database = await freshDatabase();
  const directory = await prepare(database);
  let lsn = '';
  {
    const crash = new Error('crash');
    let armed = false;
    await using running = await start(database, directory, {
      onCommitPoint: (point) => {
        if (armed && point === 'capture 2: flushed') throw crash;
      },
    });
    const { capture, log, end } = running;
    await until(() => capture.state === 'streaming');
    await insert(database);
    await until(() => log.head === 1);
    armed = true;
    lsn = await insert(database);
    assert.equal(await end, crash);
    assert.equal(log.head, 2, 'the log has it');
    assert.equal(capture.state, 'failed');
  }
  assert.equal(await isAcknowledged(database, lsn), false);
  {
    await using running = await start(database, directory);
    const { capture, log } = running;
    await until(() => capture.state === 'streaming');
    await insert(database);
    await until(() => log.head >= 3);
    await until(() => isAcknowledged(database, lsn), 30_000);
    const records = await readAll(log);
    assert.deepEqual(
      records.map(({ key }) => key),
      ['1', '2', '3'],
    );
  }
  rmSync(directory, { recursive: true });
});

test('a table that was taken out of its publication while nobody looked is one gap in the log', async () => {
  await using database = await freshDatabase();
  const directory = await prepare(database);
  {
    await using running = await start(database, directory);
    await until(() => running.capture.state === 'streaming');
    await insert(database);
    await until(() => running.log.head === 1);
  }
  await database.client.query('ALTER PUBLICATION tidings_main DROP TABLE t');
  await insert(database);
  for (const head of [2, 3]) {
    await using running = await start(database, directory);
    const { capture, log } = running;
    await until(() => capture.state === 'streaming');
    await insert(database);
    await until(() => log.head === head);
    const gaps = await log.gaps();
    assert.deepEqual(
      gaps.map(({ offset, from, reason }) => [offset, from, reason]),
      [[1, null, 'somebody altered a publication: public.t not published']],
    );
    assert.ok(Math.abs((gaps[0]?.at ?? 0) / 1000 - Date.now()) < 600_000);
  }
  rmSync(directory, { recursive: true });
});
