/** A slot that is gone, invalid or ahead means changes that nobody can have any more: said aloud. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase, startTestServer, type TestDatabase } from './support/postgres.ts';
import { drain, project, type Project, start, tidings } from './support/tidings-process.ts';
import { until } from './support/until.ts';

async function capture(database: TestDatabase, at: Project, rows: number): Promise<void> {
  const service = start(['start', '--config', at.config]);
  const head = (await at.status()).sources[0]?.log.head ?? 0;
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  await database.client.query(`INSERT INTO t SELECT nextval('ids') FROM generate_series(1, $1)`, [
    rows,
  ]);
  await until(async () => ((await at.status()).sources[0]?.log.head ?? 0) >= head + rows);
  assert.equal(await drain(service), 0);
}

async function prepare(database: TestDatabase): Promise<void> {
  await database.client.query('CREATE SEQUENCE ids; CREATE TABLE t (id int PRIMARY KEY)');
}

/** The loss is an error that names the command; the command goes on and the log keeps the gap. */
async function expectLossAndGoOn(database: TestDatabase, at: Project, code: string): Promise<void> {
  const checked = await tidings(['doctor', '--config', at.config]);
  assert.equal(checked.code, 1, 'doctor says what start will say');
  assert.match(checked.stdout, /FAIL {2}(history|slot) .*\n.*tidings start --accept-gap main/);
  const refused = await tidings(['start', '--config', at.config]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, new RegExp(code));
  assert.match(refused.stderr, /tidings start --accept-gap main/);

  const service = start(['start', '--config', at.config, '--accept-gap', 'main']);
  await until(async () => (await at.status()).sources[0]?.state === 'streaming');
  const before = (await at.status()).sources[0]?.log.head ?? 0;
  await database.client.query(`INSERT INTO t SELECT nextval('ids')`);
  await until(async () => ((await at.status()).sources[0]?.log.head ?? 0) === before + 1);
  assert.equal((await at.status()).sources[0]?.log.gaps, 1);
  assert.equal(await drain(service), 0);
  const verified = await tidings(['log', 'verify', '--config', at.config, '--json']);
  assert.equal(verified.code, 0, verified.stderr);
  const doctor = await tidings(['doctor', '--config', at.config]);
  assert.equal(doctor.code, 0, doctor.stdout);
  assert.match(doctor.stdout, /warn {2}gaps of main .*1 gap of the last 7 days, .* offset \d+, /);
}

test('a dropped slot', async () => {
  await using database = await freshDatabase();
  await prepare(database);
  using at = project(database.url);
  await capture(database, at, 3);
  await database.client.query(
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()',
  );
  await database.client.query(`INSERT INTO t SELECT nextval('ids')`);
  await expectLossAndGoOn(database, at, 'SLOT_MISSING');
});

test('a slot that somebody else moved past the log', async () => {
  await using database = await freshDatabase();
  await prepare(database);
  using at = project(database.url);
  await capture(database, at, 3);
  await database.client.query(`INSERT INTO t SELECT nextval('ids')`);
  await database.client.query(
    `SELECT pg_replication_slot_advance(slot_name, pg_current_wal_lsn())
     FROM pg_replication_slots WHERE database = current_database()`,
  );
  await expectLossAndGoOn(database, at, 'SLOT_MOVED');
});

test('a slot that the server invalidated because it kept too much WAL', async () => {
  await using server = await startTestServer(18, {
    max_slot_wal_keep_size: '1MB',
    min_wal_size: '32MB',
    max_wal_size: '32MB',
  });
  await using database = await freshDatabase(server.url);
  await prepare(database);
  using at = project(database.url);
  await capture(database, at, 3);
  const lost = async (): Promise<boolean> => {
    await database.client.query('CREATE TABLE IF NOT EXISTS filler (x text)');
    await database.client.query(
      `INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 20000)`,
    );
    await database.client.query('SELECT pg_switch_wal()');
    await database.client.query('CHECKPOINT');
    const { rows } = await database.client.query<{ wal_status: string }>(
      'SELECT wal_status FROM pg_replication_slots WHERE database = current_database()',
    );
    return rows[0]?.wal_status === 'lost';
  };
  await until(lost, 60_000);
  await expectLossAndGoOn(database, at, 'SLOT_INVALIDATED');
});
