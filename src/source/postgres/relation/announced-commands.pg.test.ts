/** What the event trigger announces of commands that are not plain (invariant 14). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captured } from '../../../../test/support/captured-relations.ts';
import type { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { announcementsTable } from './announcements-table.ts';
import { Setup } from '../setup/setup.ts';
import { SqlSession } from '../connection/sql-session.ts';
import { compileTablePatterns } from '../../../change/table-pattern.ts';

const keysOf = ({ changes }: RecordingReceiver): readonly (string | null)[] =>
  changes.map(({ key }) => key);

const TWO_COLUMNS = `CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL);
  ALTER TABLE t REPLICA IDENTITY FULL`;
const MOVE_KEY = 'ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b)';

for (const major of [18, 14] as const) {
  test(`PostgreSQL ${major}: a transaction that sees an old catalogue announces only that something changed`, async () => {
    await using at = await captured('announced', TWO_COLUMNS, { server: major });
    const other = await at.database.connect();
    await other.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class LIMIT 1`);
    await at.run(MOVE_KEY);
    await other.query(`ALTER TABLE t ADD COLUMN c int; COMMIT`);
    await at.run(
      `INSERT INTO t VALUES (1, 20, 3)`,
      `ALTER TABLE t ADD COLUMN d int`,
      `INSERT INTO t VALUES (2, 21, 3)`,
    );
    assert.deepEqual(keysOf(await at.read()), ['20', '21']);
  });

  test(`PostgreSQL ${major}: what was not announced is not covered by what comes next`, async () => {
    await using at = await captured('announced', TWO_COLUMNS, { server: major });
    await at.run(
      `INSERT INTO t VALUES (1, 10)`,
      `ALTER EVENT TRIGGER tidings_main_tables DISABLE`,
      MOVE_KEY,
      `ALTER EVENT TRIGGER tidings_main_tables ENABLE ALWAYS`,
      `INSERT INTO t VALUES (2, 20)`,
      `ALTER TABLE t ADD COLUMN c int`,
      `INSERT INTO t VALUES (3, 30)`,
    );
    // Which key the first row had cannot be known.
    assert.deepEqual(keysOf(await at.read()), [null, '20', '30']);
  });
}

test('a partitioned table that joins another one and leaves it takes its partitions along', async () => {
  await using at = await captured(
    'announced',
    `CREATE TABLE r (id int, d int) PARTITION BY LIST (d);
     CREATE TABLE s (id int, d int) PARTITION BY LIST (id);
     CREATE TABLE s1 PARTITION OF s FOR VALUES IN (1)`,
  );
  await at.run(
    `INSERT INTO s VALUES (1, 1)`,
    `ALTER TABLE r ATTACH PARTITION s FOR VALUES IN (1)`,
    `INSERT INTO r VALUES (1, 1)`,
    `CREATE TABLE s2 PARTITION OF s FOR VALUES IN (2)`,
    `ALTER TABLE r DETACH PARTITION s`,
    `INSERT INTO s VALUES (1, 1), (2, 1)`,
  );
  const { changes, marks } = await at.read();
  assert.deepEqual(
    changes.map(({ table }) => `${table.name} ${table.origin?.partition?.name}`),
    ['s s1', 'r s1', 's s1', 's s2'],
  );
  assert.deepEqual(
    new Set(marks.map((mark) => `${mark.kind} ${mark.name} ${mark.partition?.name}`)),
    new Set([
      'detached s s1',
      'attached r s1',
      'present r s2',
      'detached r s1',
      'attached s s1',
      'detached r s2',
      'attached s s2',
    ]),
  );
});

test('the settings of a session that changes tables make no difference', async () => {
  await using at = await captured(
    'announced',
    `CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t_a (id int PRIMARY KEY, m mood)`,
    { tables: ['public.t_*'] },
  );
  const told: string[] = [];
  at.database.client.on('notice', ({ message }) => told.push(message ?? ''));
  await at.run(
    `SELECT set_config('standard_conforming_strings', 'off', false)
       WHERE current_setting('server_version_num')::int < 190000;
     SET quote_all_identifiers = on;
     SET transform_null_equals = on; SET plpgsql.extra_errors = 'all';
     SET plpgsql.variable_conflict = error; SET array_nulls = off; SET row_security = off`,
    `ALTER TABLE t_a ADD COLUMN n mood`,
    `INSERT INTO t_a VALUES (1, 'a', 'a')`,
  );
  assert.deepEqual(told, []);
  const { changes } = await at.read();
  assert.deepEqual(
    changes[0]?.table.columns.map(({ type }) => type),
    ['integer', 'public.mood', 'public.mood'],
  );
  // Nothing is announced again for being written in another way.
  const { rows } = await at.database.client.query(
    `SELECT count(*)::int AS count FROM ${announcementsTable('main')} WHERE NOT exact`,
  );
  assert.deepEqual(rows, [{ count: 1 }]);
});

test('a table that is renamed as an index is announced', async () => {
  await using at = await captured('announced', `CREATE TABLE p (id int PRIMARY KEY, v text)`);
  await at.run(`ALTER INDEX p RENAME TO q`, `ALTER TABLE q ADD COLUMN w text`);
  const { rows } = await at.database.client.query<{ name: string; exact: boolean }>(
    `SELECT description ->> 'name' AS name, exact FROM ${announcementsTable('main')} ORDER BY lsn`,
  );
  assert.deepEqual(
    rows.map(({ name, exact }) => `${name} ${exact}`),
    ['p false', 'q true', 'q true'],
  );
});

test('what is locked, or gone, keeps nothing from being captured', async () => {
  await using at = await captured('announced', `CREATE TABLE t (id int PRIMARY KEY)`);
  const table = announcementsTable('main');
  const other = await at.database.connect();
  await other.query(`BEGIN; LOCK TABLE ${table}`);
  await at.run(`CREATE TABLE u (id int PRIMARY KEY)`, `INSERT INTO u VALUES (1)`);
  await other.query('ROLLBACK');
  await at.run(
    `DROP TABLE ${table}`,
    `CREATE TABLE v (id int PRIMARY KEY)`,
    `INSERT INTO v VALUES (1)`,
  );
  const { changes } = await at.read();
  assert.deepEqual(
    changes.map(({ table: { name }, key }) => `${name} ${key}`),
    ['u 1', 'v 1'],
  );
  await at.run(`DROP EVENT TRIGGER tidings_main_tables`);
  await at.source.tearDown(new AbortController().signal);
  const { rows } = await at.database.client.query(
    `SELECT FROM pg_namespace WHERE nspname = 'tidings'`,
  );
  assert.deepEqual(rows, []);
});

test('an announcement stays while its own transaction has not been read', async () => {
  await using at = await captured('announced', `CREATE TABLE t (id int PRIMARY KEY, v text)`);
  const { client, url } = at.database;
  const { signal } = new AbortController();
  await using session = new SqlSession({ source: 'main', url });
  const patterns = compileTablePatterns(['public.*']);
  const setup = new Setup({
    source: 'main',
    session,
    patterns,
    onWarning: () => undefined,
    onProgress: () => undefined,
  });
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${announcementsTable('main')}`,
    );
    return rows[0]?.count ?? 0;
  };
  const { slot } = await setup.slot(signal);
  const advance = async (lsn?: string): Promise<void> => {
    // What has been written by now is on disk then: a slot goes no further.
    await other.query(`SELECT pg_logical_emit_message(true, 'on disk', '')`);
    // By its own name: the server moves a slot of another database, too.
    await other.query(
      'SELECT pg_replication_slot_advance($1, COALESCE($2, pg_current_wal_lsn()))',
      [slot?.slot_name, lsn],
    );
  };
  await client.query(`BEGIN; INSERT INTO t VALUES (1, 'a'); ALTER TABLE t RENAME v TO w`);
  // Confirmed behind the announcement, and before the end of its transaction.
  const other = await at.database.connect();
  const { rows } = await other.query<{ lsn: string }>(
    `SELECT pg_logical_emit_message(true, 'between', repeat('x', 100))::text AS lsn`,
  );
  await client.query('COMMIT');
  await advance(rows[0]?.lsn);
  await setup.follow(signal);
  await setup.follow(signal);
  assert.equal(await count(), 2);
  await advance();
  await setup.follow(signal);
  assert.equal(await count(), 1);
  await client.query(`DROP TABLE t`);
  await setup.follow(signal);
  await advance();
  await setup.follow(signal);
  assert.equal(await count(), 0);
});
