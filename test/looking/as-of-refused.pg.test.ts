/** A table as it was, where the log and the database do not come together. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSnapshots } from '../../src/app/adapters.ts';
import { DataLock } from '../../src/app/data-lock.ts';
import { PAST_ROW_STORE } from '../../src/app/looking/past-row-store.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { openSqliteLogReader } from '../../src/log/sqlite/sqlite-log.ts';
import { openPastTable } from '../../src/undo/looking/table-as-of.ts';
import { freshDatabase } from '../support/postgres.ts';
import { drain, project, start, tidings } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';
import { capture, refusal, rowsThen, signal } from './fixture.ts';

test('as of: a service that does not get on is waited for, and then refused with LOG_LAGS', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY FULL');
  using at = project(database.url);
  const service = start(['start', '--config', at.config]);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await client.query('INSERT INTO t VALUES (1)');
  await until(async () => (await at.status()).sources[0]?.log.head === 1);

  // It holds the data directory and the slot, and writes nothing.
  service.kill('SIGSTOP');
  try {
    await client.query('INSERT INTO t VALUES (2)');
    const source = { url: database.url, tables: ['public.*'] };
    const config = resolveConfig({ dataDir: at.dataDir, sources: { main: source } });
    await using log = await openSqliteLogReader({
      directory: join(at.dataDir, 'log', 'main'),
      source: 'main',
    });
    await using snapshots = openSnapshots(config, 'main');
    const lagging = openPastTable(
      {
        source: 'main',
        log,
        snapshots,
        isCapturing: () => DataLock.isHeld(at.dataDir),
        patience: 300,
        store: PAST_ROW_STORE,
        onProgress: () => undefined,
      },
      { table: { schema: 'public', name: 't' }, moment: { offset: 1 } },
      signal,
    );
    assert.match(await refusal(lagging, 'LOG_LAGS'), /within 0\.3 seconds\..*tidings status/);
    const { rows } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND backend_xmin IS NOT NULL
       AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    assert.equal(rows.length, 0, 'no snapshot is held any longer');
  } finally {
    service.kill('SIGCONT');
  }
  const then = await tidings([
    'table',
    't',
    '--as-of',
    '1',
    '--format',
    'csv',
    '--config',
    at.config,
  ]);
  assert.equal(then.stdout, 'id\n1\n', then.stderr);
  assert.equal(await drain(service), 0);
});

test('as of: rows that DDL computed anew contradict the log where nothing identifies them', async () => {
  await using captured = await capture(`
    CREATE TABLE bag (n int); ALTER TABLE bag REPLICA IDENTITY FULL;
    CREATE TABLE keyed (id int PRIMARY KEY, n int); ALTER TABLE keyed REPLICA IDENTITY FULL`);
  const { looking, client } = captured;
  const offset = await captured.head();
  await captured.commit('INSERT INTO bag VALUES (1), (1), (2); INSERT INTO keyed VALUES (1, 1)');
  await captured.settled();
  assert.deepEqual(await rowsThen(looking, { table: 'bag', asOf: { offset } }), []);
  await client.query(`ALTER TABLE bag ALTER COLUMN n TYPE int USING n + 10;
    ALTER TABLE keyed ALTER COLUMN n TYPE int USING n + 10`);
  const contradicted = rowsThen(looking, { table: 'bag', asOf: { offset } });
  assert.match(
    await refusal(contradicted, 'AS_OF_CONTRADICTION'),
    /public\.bag holds 3 rows which the database does not have.*tidings doctor/,
  );
  assert.deepEqual(await rowsThen(looking, { table: 'keyed', asOf: { offset } }), []);
});
