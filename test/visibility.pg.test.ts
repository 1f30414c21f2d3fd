/**
 * Invariant 4: a change is handed to a subscriber only when a fresh read on the source sees it.
 *
 * The server of this file is its own: a commit that waits for a synchronous standby that does not
 * exist is in the WAL, and sent, but not visible, for as long as the test likes. That makes the race
 * certain instead of a matter of microseconds; the second test then meets it in the wild.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import type { ChangeReceiver } from '../src/source/source.ts';
import { openTestSource } from './support/source.ts';
import { until } from './support/until.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';

const directory = mkdtempSync(join(tmpdir(), 'tidings-visibility-'));
let server: EmbeddedPostgres;

before(async () => {
  server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

test('a commit that is in the WAL but not visible is held back until it is', async () => {
  await using database = await createDatabase('held');
  const calls: number[] = [];
  await using tidings = await createTidings(
    defineConfig({
      dataDir: join(directory, 'held'),
      sources: { main: { url: database.url, tables: ['public.counter'] } },
    }),
  );
  tidings.register('reader', 'public.counter', {
    update: (row) => void calls.push(Number(row['n'])),
  });
  await tidings.start();

  await database.admin.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
  await database.admin.query('SELECT pg_reload_conf()');
  const writer = await database.connect();
  const commit = writer.query('UPDATE counter SET n = 1 WHERE id = 1');
  // In the log, hence received and durable; and yet not handed over.
  await until(async () => ((await tidings.status()).sources[0]?.log.head ?? 0) > 0);
  const { rows } = await database.admin.query<{ n: number }>('SELECT n FROM counter WHERE id = 1');
  assert.equal(rows[0]?.n, 0, 'a fresh read still sees the old row');
  assert.deepEqual(calls, []);
  assert.equal((await tidings.status()).sources[0]?.log.horizon, 0);

  await database.admin.query('ALTER SYSTEM RESET synchronous_standby_names');
  await database.admin.query('SELECT pg_reload_conf()');
  await commit;
  await until(() => calls.length === 1);
  assert.deepEqual(calls, [1]);
});

test('after a restart too, what is in the log and not visible is held back', async () => {
  await using database = await createDatabase('restarted');
  const config = defineConfig({
    dataDir: join(directory, 'restarted'),
    sources: { main: { url: database.url, tables: ['public.counter'] } },
  });
  const calls: number[] = [];
  const handler = { update: (row: pg.QueryResultRow) => void calls.push(Number(row['n'])) };
  let commit: Promise<unknown>;
  {
    await using tidings = await createTidings(config);
    tidings.register('reader', 'public.counter', handler);
    await tidings.start();
    await database.admin.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
    await database.admin.query('SELECT pg_reload_conf()');
    commit = (await database.connect()).query('UPDATE counter SET n = 1 WHERE id = 1');
    await until(async () => ((await tidings.status()).sources[0]?.log.head ?? 0) > 0);
  }
  await using tidings = await createTidings(config);
  tidings.register('reader', 'public.counter', handler);
  await tidings.start();
  await until(async () => (await tidings.status()).sources[0]?.state === 'streaming');
  assert.equal((await tidings.status()).sources[0]?.log.horizon, 0);
  assert.deepEqual(calls, []);
  await database.admin.query('ALTER SYSTEM RESET synchronous_standby_names');
  await database.admin.query('SELECT pg_reload_conf()');
  await commit;
  await until(() => calls.length === 1);
});

test('commits that wait for us to confirm them are confirmed, although they are not visible', async () => {
  await using database = await createDatabase('awaited');
  const role = 'awaited_role';
  // Without the event trigger a table is described by the catalogue, which shows it after the commit.
  await database.admin.query(
    `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'awaited'; GRANT CREATE ON DATABASE awaited TO ${role};
     ALTER TABLE counter OWNER TO ${role}`,
  );
  const url = new URL(database.url);
  [url.username, url.password] = [role, 'awaited'];
  await using tidings = await createTidings(
    defineConfig({
      dataDir: join(directory, 'awaited'),
      sources: { main: { url: url.href, tables: ['public.counter'] } },
    }),
  );
  await tidings.start();
  await until(async () => (await tidings.status()).sources[0]?.state === 'streaming');
  await database.admin.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
  await database.admin.query('SELECT pg_reload_conf()');
  try {
    const sync = `SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`;
    await until(async () => (await database.admin.query(sync)).rowCount === 1);
    const commit = (await database.connect()).query('UPDATE counter SET n = 1 WHERE id = 1');
    await Promise.race([commit, until(() => false, 15_000, 'the commit')]);
  } finally {
    await database.admin.query('ALTER SYSTEM RESET synchronous_standby_names');
    await database.admin.query('SELECT pg_reload_conf()');
  }
  await until(async () => ((await tidings.status()).sources[0]?.log.head ?? 0) === 1);
});

test('eight writers: reads on receipt are stale without the guard, never with it', async () => {
  await using database = await createDatabase('race');
  await database.admin.query(`INSERT INTO counter SELECT g, 0 FROM generate_series(2, 64) g`);
  const stop = new AbortController();
  const writers = Array.from({ length: 8 }, () => updateAtRandom(database, stop.signal));
  try {
    const unguarded = await readOnReceipt(database);
    assert.ok(unguarded.stale > 0, `no stale read among ${unguarded.reads}: the race was not met`);

    let reads = 0;
    let stale = 0;
    const fresh = new pg.Pool({ connectionString: database.url, max: 4 });
    {
      await using tidings = await createTidings(
        defineConfig({
          dataDir: join(directory, 'race'),
          sources: { main: { url: database.url, tables: ['public.counter'] } },
        }),
      );
      tidings.register('reader', 'public.counter', {
        async update(row) {
          const { rows } = await fresh.query<{ n: number }>('SELECT n FROM counter WHERE id = $1', [
            row['id'],
          ]);
          reads += 1;
          if ((rows[0]?.n ?? -1) < Number(row['n'])) stale += 1;
        },
      });
      await tidings.start();
      // At least as many reads as it took to meet the race without the guard, and some more.
      await until(() => reads > Math.max(5_000, unguarded.reads * 2), 60_000);
    }
    await fresh.end();
    assert.equal(stale, 0, `${stale} of ${reads} reads saw an older row`);
  } finally {
    stop.abort();
    await Promise.all(writers);
  }
});

/** Reads each row back the moment its change arrives from the slot, until one read is stale. */
async function readOnReceipt(database: TestDatabase): Promise<{ reads: number; stale: number }> {
  await using source = openTestSource({
    name: 'bare',
    url: database.url,
    tables: ['public.counter'],
  });
  const fresh = new pg.Pool({ connectionString: database.url, max: 8 });
  const done = new AbortController();
  const deadline = setTimeout(() => done.abort(), 40_000);
  const result = { reads: 0, stale: 0 };
  const reading = new Set<Promise<void>>();
  let updates: { id: string; n: number }[] = [];
  const receiver: ChangeReceiver = {
    streaming: () => undefined,
    table: () => 1,
    begin: () => true,
    change(change) {
      const n = Number(/(\d+)$/.exec(Buffer.from(change.images).toString('latin1'))?.[1]);
      if (change.operation === 'update') updates.push({ id: change.key ?? '', n });
    },
    commit() {
      for (const { id, n } of updates) {
        const read = fresh
          .query<{ n: number }>('SELECT n FROM counter WHERE id = $1', [id])
          .then(({ rows }) => {
            result.reads += 1;
            if ((rows[0]?.n ?? -1) < n) result.stale += 1;
            if (result.stale > 0) done.abort();
          });
        const settled = read.finally(() => reading.delete(settled));
        reading.add(settled);
      }
      updates = [];
    },
    mark: () => undefined,
    lost: () => undefined,
    abandon: () => undefined,
    idle: () => undefined,
    burst: () => (reading.size > 100 ? Promise.race(reading) : undefined),
  };
  await source.setUp(done.signal, { slot: 'create' });
  await source.stream({ from: null, receiver, signal: done.signal });
  clearTimeout(deadline);
  await Promise.all(reading);
  await source.tearDown(AbortSignal.timeout(10_000));
  await fresh.end();
  return result;
}

async function updateAtRandom(database: TestDatabase, signal: AbortSignal): Promise<void> {
  const client = await database.connect();
  while (!signal.aborted) {
    await client.query('UPDATE counter SET n = n + 1 WHERE id = $1', [
      1 + Math.floor(Math.random() * 64),
    ]);
  }
}

interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly admin: pg.Client;
  connect(): Promise<pg.Client>;
}

async function createDatabase(name: string): Promise<TestDatabase> {
  const root = new pg.Client({ connectionString: server.url });
  await root.connect();
  await root.query(`CREATE DATABASE ${name}`);
  await root.end();
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    clients.push(client);
    return client;
  };
  const admin = await connect();
  await admin.query(
    `CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL); INSERT INTO counter VALUES (1, 0)`,
  );
  return {
    url: url.href,
    admin,
    connect,
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}
