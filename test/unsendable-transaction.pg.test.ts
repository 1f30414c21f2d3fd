/**
 * Rows that are larger than PostgreSQL can put together, which no connection can have, or than the log
 * takes. Their transactions are left out as a whole and told as gaps; everything else is captured.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openInspection } from '../src/app/inspection/inspect.ts';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import type { Tidings } from '../src/app/tidings.ts';
import { type Logger, SILENT } from '../src/observe/logger.ts';
import { freshDatabase } from './support/postgres.ts';
import { ServerDirectory } from './support/server-directory.ts';
import { endWithTests } from './support/tidings-process.ts';
import { until } from './support/until.ts';

/**
 * A row whose `v` has twice as many characters as text and a little more than a gigabyte; one whose
 * `w` and `x` can be sent, and are more than the log takes. Made once, because rows that are copied
 * stay compressed.
 */
const TABLES = `CREATE TABLE a (id int PRIMARY KEY);
  CREATE TABLE big (id int PRIMARY KEY, v bytea, w text, x text);
  CREATE SCHEMA elsewhere;
  CREATE TABLE elsewhere.v AS SELECT repeat('x', 540000000)::bytea AS v;
  CREATE TABLE elsewhere.w AS SELECT repeat('x', 510000000) AS w`;
const UNSENDABLE = (id: number): string => `INSERT INTO big SELECT ${id}, v FROM elsewhere.v`;
const TOO_LARGE = (id: number): string =>
  `INSERT INTO big SELECT ${id}, NULL, w, w FROM elsewhere.w`;

/** A data directory, and what the subscription of table `a` was told. */
class Place implements Disposable {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'tidings-unsendable-'));
  readonly told: unknown[] = [];
  readonly warnings: string[] = [];
  readonly #url: () => string;

  constructor(url: () => string) {
    this.#url = url;
  }

  config(): ReturnType<typeof defineConfig> {
    const sources = { main: { url: this.#url(), tables: ['public.*'] } };
    return defineConfig({ dataDir: this.dataDir, sources });
  }

  async open(): Promise<Tidings> {
    const logger: Logger = {
      ...SILENT,
      warn: (_text, fields) => void this.warnings.push(String(fields?.['error'])),
      with: () => logger,
    };
    const tidings = await createTidings(this.config(), { logger });
    tidings.register('a', 'public.a', { insert: (row) => void this.told.push(row['id']) });
    await tidings.start();
    return tidings;
  }

  /** Ends once the process has killed itself. */
  async killedAt(point: string): Promise<void> {
    const service = join(import.meta.dirname, 'crash', 'left-out-service.ts');
    const child = endWithTests(
      spawn(process.execPath, [service, this.#url(), this.dataDir, point], {
        stdio: ['pipe', 'inherit', 'inherit'],
      }),
    );
    const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    assert.equal(signal, 'SIGKILL');
  }

  [Symbol.dispose](): void {
    rmSync(this.dataDir, { recursive: true });
  }
}

test(
  'a transaction that cannot be had costs nothing but itself',
  { timeout: 240_000 },
  async () => {
    await using database = await freshDatabase();
    const { client } = database;
    await client.query(TABLES);
    using place = new Place(() => database.url);
    const { told } = place;
    const other = await database.connect();
    const ids: string[] = [];
    const leftOut = async (id: number, sql: string): Promise<void> => {
      await client.query('BEGIN');
      const { rows } = await client.query<{ id: string }>(
        'SELECT pg_current_xact_id()::text AS id',
      );
      ids.push(rows[0]?.id ?? '');
      await client.query(`INSERT INTO a VALUES (${id}0); ${sql}; INSERT INTO a VALUES (${id}1)`);
      await client.query('COMMIT');
    };
    {
      await using tidings = await place.open();
      // Committed around the one that cannot be sent, begun before it.
      await other.query('BEGIN; INSERT INTO a VALUES (1)');
      await client.query('INSERT INTO a VALUES (2)');
      await leftOut(7, UNSENDABLE(7));
      await other.query('INSERT INTO a VALUES (3); COMMIT');
      await until(() => told.length === 3, 120_000);
      assert.deepEqual(told, [2, 1, 3]);
      const [source] = (await tidings.status()).sources;
      assert.deepEqual([source?.state, source?.log.gaps], ['streaming', 1]);
      assert.match(await tidings.metrics(), /left_out_transactions_total\{source="main"\} 1\n/);
    }
    // Several in a row while nobody reads, and the process killed before the first is durable.
    await leftOut(8, UNSENDABLE(8));
    await leftOut(9, TOO_LARGE(9));
    await client.query('INSERT INTO a VALUES (4); INSERT INTO big VALUES (1)');
    await place.killedAt('capture 1: appended');
    {
      await using _tidings = await place.open();
      await client.query('INSERT INTO a VALUES (5)');
      await until(() => told.at(-1) === 5, 120_000);
    }
    assert.deepEqual(told, [2, 1, 3, 4, 5]);

    await using inspection = await openInspection(place.config());
    const { gaps, findings } = await inspection.verify({}, new AbortController().signal);
    assert.deepEqual(findings, []);
    assert.equal(gaps.length, 3, 'each once');
    for (const [at, { reason, from, to }] of gaps.entries()) {
      const told = `transaction ${ids[at]}, committed at 20.* cannot be captured, because of a row of public\\.big: `;
      assert.match(reason, new RegExp(told + (at === 2 ? 'A change of 10' : 'PostgreSQL cannot')));
      assert.ok(from !== null && to !== null && from < to);
    }
  },
);

test('a server that knows less of what was acknowledged is no other history', async () => {
  await using server = await ServerDirectory.create();
  await server.query(TABLES);
  using place = new Place(() => server.url);
  {
    await using _tidings = await place.open();
    await server.query('CHECKPOINT');
    await server.query('INSERT INTO a VALUES (1)');
    await server.query(UNSENDABLE(1));
    await server.query('INSERT INTO a VALUES (2)');
    await until(() => place.told.at(-1) === 2, 120_000);
  }
  // What a server writes down of a slot is some moments old: the slot is before the gaps again.
  await server.kill();
  await server.start();
  {
    await using _tidings = await place.open();
    await server.query('INSERT INTO a VALUES (3)');
    await until(() => place.told.at(-1) === 3, 120_000);
  }
  assert.deepEqual(place.told, [1, 2, 3]);
  await using inspection = await openInspection(place.config());
  const { gaps, forks, findings } = await inspection.verify({}, new AbortController().signal);
  assert.deepEqual([gaps.length, forks, findings], [1, [], []]);
});
