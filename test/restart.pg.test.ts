/** PostgreSQL restarted, and the connections cut, under load: nothing lost, order kept. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import {
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../src/embedded/embedded-postgres.ts';
import { freshDatabase } from './support/postgres.ts';
import { project } from './support/tidings-process.ts';
import { until } from './support/until.ts';

const ROWS = 20;

/** Counts each row up, one transaction per step, reconnecting when the database goes away. */
async function countUp(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined); // Cut on purpose; the next round connects again.
    try {
      await client.connect();
      while (!signal.aborted) {
        await client.query('UPDATE counter SET n = n + 1 WHERE id = $1', [
          Math.floor(Math.random() * ROWS),
        ]);
      }
    } catch {
      // The database is being restarted.
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      await client.end().catch(() => undefined); // It may be gone already.
    }
  }
}

/** Load that ends with the block it is declared in, also when that fails. */
function startLoad(url: string): AsyncDisposable {
  const stop = new AbortController();
  const load = [1, 2].map(() => countUp(url, stop.signal));
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(load);
    },
  };
}

/** Per row, the values a handler was told, in order of arrival. */
function witness(): {
  readonly told: Map<number, number[]>;
  readonly update: (row: Record<string, unknown>) => void;
} {
  const told = new Map<number, number[]>();
  return {
    told,
    update: (row) => {
      const id = Number(row['id']);
      told.set(id, [...(told.get(id) ?? []), Number(row['n'])]);
    },
  };
}

/** Each row was counted 1, 2, 3 … by the database; the handler has to have heard exactly that. */
async function expectAll(
  client: pg.Client,
  told: ReadonlyMap<number, readonly number[]>,
): Promise<void> {
  const { rows } = await client.query<{ id: number; n: number }>(
    'SELECT id, n FROM counter ORDER BY id',
  );
  await until(() => rows.every(({ id, n }) => n === 0 || told.get(id)?.at(-1) === n), 30_000);
  for (const { id, n } of rows) {
    assert.deepEqual(
      told.get(id) ?? [],
      Array.from({ length: n }, (_, index) => index + 1),
      `row ${id}`,
    );
  }
}

const SCHEMA = `CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL);
  INSERT INTO counter SELECT g, 0 FROM generate_series(0, ${ROWS - 1}) g`;

test('connections cut under load', { timeout: 90_000 }, async () => {
  await using database = await freshDatabase();
  using at = project(database.url);
  await database.client.query(SCHEMA);
  const { told, update } = witness();
  await using tidings = await createTidings(
    defineConfig({
      dataDir: at.dataDir,
      sources: { main: { url: database.url, tables: ['public.counter'] } },
    }),
  );
  tidings.register('witness', 'public.counter', { update });
  await tidings.start();
  {
    await using _load = startLoad(database.url);
    for (let cut = 0; cut < 8; cut++) {
      const before = [...told.values()].flat().length;
      await until(() => [...told.values()].flat().length > before + 50);
      // The calls may have come from the log while the connection was still being made anew.
      await until(async () => {
        const { rowCount } = await database.client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'tidings%'`,
        );
        return (rowCount ?? 0) > 0;
      });
    }
  }
  await expectAll(database.client, told);
  assert.ok(((await tidings.status()).sources[0]?.captured?.reconnects ?? 0) > 0);
});

test('PostgreSQL restarted under load', { timeout: 90_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-restart-'));
  let server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  const { url } = server;
  const prepare = new pg.Client({ connectionString: url });
  await prepare.connect();
  await prepare.query(SCHEMA);
  await prepare.end();
  const { told, update } = witness();
  {
    await using tidings = await createTidings(
      defineConfig({
        dataDir: join(directory, 'data'),
        sources: { main: { url, tables: ['public.counter'] } },
      }),
    );
    tidings.register('witness', 'public.counter', { update });
    await tidings.start();
    {
      await using _load = startLoad(url);
      for (let restart = 0; restart < 3; restart++) {
        const before = [...told.values()].flat().length;
        await until(() => [...told.values()].flat().length > before + 50, 30_000);
        await server[Symbol.asyncDispose]();
        server = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
      }
      const before = [...told.values()].flat().length;
      await until(() => [...told.values()].flat().length > before + 50, 30_000);
    }
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await expectAll(client, told);
    await client.end();
  }
  await server[Symbol.asyncDispose]();
  await removeEmbeddedPostgres(directory);
});
