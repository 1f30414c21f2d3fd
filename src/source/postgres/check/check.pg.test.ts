import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  freshDatabase,
  startTestServer,
  type TestDatabase,
} from '../../../../test/support/postgres.ts';
import type { CheckResult } from '../../../observe/check-result.ts';
import { PostgresSource } from '../postgres-source.ts';

const { signal } = new AbortController();

async function check(
  database: TestDatabase,
  tables = ['public.*'],
): Promise<Map<string, CheckResult>> {
  await using source = new PostgresSource({ name: 'main', url: database.url, tables });
  return new Map((await source.check(signal)).map((result) => [result.name, result]));
}

test('a database that is ready, and one where each fix was run', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(`CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE "B'b" (id int PRIMARY KEY);
    CREATE TABLE "p$$'\\p" (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF "p$$'\\p" FOR VALUES FROM (0) TO (9);
    CREATE TABLE nokey (id int); CREATE UNLOGGED TABLE u (id int); CREATE VIEW v AS SELECT 1`);
  const before = await check(database);
  const status = (results: Map<string, CheckResult>, name: string): string | undefined =>
    results.get(name)?.status;
  assert.equal(status(before, 'rights'), 'ok');
  assert.equal(status(before, 'keys'), 'warning');
  assert.match(before.get('keys')?.message ?? '', /public\.nokey/);
  assert.equal(status(before, 'old rows'), 'warning');
  assert.match(before.get('left out')?.message ?? '', /public\.v/);
  assert.match(before.get('connections')?.message ?? '', /two connections/);
  assert.equal([...before.values()].filter((result) => result.status === 'failed').length, 0);

  await client.query(before.get('old rows')?.sql ?? '');
  await client.query('ALTER TABLE nokey ADD PRIMARY KEY (id); ALTER TABLE u SET LOGGED');
  await client.query('ALTER TABLE u ADD PRIMARY KEY (id)');
  await client.query('ALTER TABLE p1 REPLICA IDENTITY DEFAULT');
  const between = await check(database);
  assert.equal(status(between, 'partitions'), 'warning');
  await client.query(between.get('partitions')?.sql ?? '');
  await client.query(between.get('old rows')?.sql ?? '');
  const after = await check(database);
  assert.deepEqual(
    [...after.values()].filter((result) => result.status !== 'ok'),
    [],
  );
  const { rows } = await client.query(`SELECT FROM pg_event_trigger`);
  assert.equal(rows.length, 0, 'looking changes nothing');
});

test('a table with a virtual column is not told to have REPLICA IDENTITY FULL, nor a key that it has', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(`CREATE TABLE plain (id int PRIMARY KEY, b int GENERATED ALWAYS AS (id * 2) VIRTUAL);
    CREATE TABLE whole (LIKE plain INCLUDING ALL); ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE stored (id int PRIMARY KEY, b int GENERATED ALWAYS AS (id * 2) STORED);
    CREATE TABLE dropped (LIKE plain INCLUDING ALL); ALTER TABLE dropped DROP COLUMN b`);
  const before = await check(database);
  const found = before.get('virtual columns');
  assert.equal(found?.status, 'warning');
  assert.match(
    found.message,
    /2 tables \(public\.plain, public\.whole\).*\(public\.whole\) are not captured/,
  );
  assert.equal(before.get('keys'), undefined);
  const full = before.get('old rows')?.sql ?? '';
  assert.deepEqual(
    [...full.matchAll(/"public"\."(\w+)"/g)].map(([, name]) => name),
    ['dropped', 'stored'],
  );
  await client.query(full);
  await client.query(found.sql ?? '');
  const after = await check(database);
  assert.equal(after.get('old rows'), undefined);
  assert.doesNotMatch(after.get('virtual columns')?.message ?? '', /not captured/);
  {
    await using source = new PostgresSource({
      name: 'main',
      url: database.url,
      tables: ['public.*'],
    });
    await source.setUp(signal, { slot: 'create' });
    for (const table of ['plain', 'whole', 'stored', 'dropped']) {
      await client.query(`INSERT INTO ${table} (id) VALUES (1); UPDATE ${table} SET id = 2`);
    }
    await source.tearDown(signal);
  }
});

test('a role that is no superuser gets the SQL for the event trigger, and it works', async () => {
  await using database = await freshDatabase();
  const { client, name } = database;
  const role = `role_${name}`;
  await client.query(`CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'secret';
    GRANT CREATE ON DATABASE ${name} TO ${role}; CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a OWNER TO ${role}`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'secret';
  {
    await using source = new PostgresSource({ name: 'main', url: url.href, tables: ['public.*'] });
    await source.setUp(signal, { slot: 'create' });
    const find = async (): Promise<CheckResult | undefined> =>
      (await source.check(signal)).find((result) => result.name === 'new tables');
    const warning = await find();
    assert.equal(warning?.status, 'warning');
    await client.query(warning.sql ?? '');
    assert.equal((await find())?.status, 'ok');
    await client.query('CREATE TABLE b (id int PRIMARY KEY)');
    const { rowCount } = await client.query(
      `SELECT FROM pg_publication_tables WHERE pubname = 'tidings_main' AND tablename = 'b'`,
    );
    assert.equal(rowCount, 1);
    await using superuser = new PostgresSource({
      name: 'main',
      url: database.url,
      tables: ['public.*'],
    });
    await superuser.tearDown(signal);
  }
  await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

test('a database that cannot be reached is one failed check with its fix', async () => {
  const url = 'postgresql://user:hidden@127.0.0.1:1/nowhere';
  await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
  const results = await source.check(signal);
  assert.equal(results.length, 1);
  assert.equal(results[0]?.status, 'failed');
  assert.ok((results[0]?.fix ?? '') !== '');
  assert.ok(!JSON.stringify(results).includes('hidden'));
});

test('an unbounded slot and a short timeout are warned of', async () => {
  await using server = await startTestServer(18, {
    max_slot_wal_keep_size: '-1',
    wal_sender_timeout: '5s',
  });
  await using database = await freshDatabase(server.url);
  const results = await check(database);
  assert.equal(results.get('retained WAL')?.status, 'warning');
  assert.equal(results.get('wal_sender_timeout')?.status, 'warning');
  assert.equal(results.get('tables')?.status, 'warning', 'no table matches yet');
  for (const name of ['retained WAL', 'wal_sender_timeout']) {
    for (const statement of (results.get(name)?.sql ?? '').split(/(?<=;) /)) {
      await database.client.query(statement);
    }
  }
  const after = await check(database);
  for (const name of ['retained WAL', 'wal_sender_timeout']) {
    assert.equal(after.get(name)?.status, 'ok', `${name}: its SQL mends it`);
  }
});

test('sessions in which no event trigger fires are named, and the fix works', async () => {
  await using database = await freshDatabase();
  const { client, name } = database;
  const role = `role_${name}`;
  await client.query(`CREATE TABLE a (id int PRIMARY KEY); CREATE ROLE ${role};
    CREATE ROLE ${role}_2; ALTER ROLE ${role} SET event_triggers = 'no';
    ALTER ROLE ${role}_2 IN DATABASE ${name} SET event_triggers = off;
    ALTER ROLE ${role}_2 SET work_mem = '1MB'; ALTER DATABASE ${name} SET event_triggers = false`);
  const found = (await check(database)).get('new tables');
  assert.equal(found?.status, 'warning');
  const message = found?.message ?? '';
  for (const sessions of [`role ${role}`, `role ${role}_2`, `all roles in database ${name}`]) {
    assert.match(message, new RegExp(`(for|,) ${sessions}[,:]`));
  }
  await client.query(found?.sql ?? '');
  assert.equal((await check(database)).get('new tables')?.status, 'ok');
  await client.query(`DROP ROLE ${role}, ${role}_2`);
});

test('children that the patterns do not name are warned of, by doctor and when capture begins', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(`CREATE SCHEMA old; CREATE SCHEMA "Odd";
    CREATE TABLE base (id int PRIMARY KEY); CREATE TABLE near (PRIMARY KEY (id)) INHERITS (base);
    CREATE TABLE old.far (PRIMARY KEY (id)) INHERITS (near);
    CREATE TABLE "Odd"."a b" (PRIMARY KEY (id)) INHERITS (base);
    CREATE TABLE alone (id int PRIMARY KEY); CREATE TABLE rooted (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE old.part PARTITION OF rooted FOR VALUES FROM (0) TO (9)`);
  const found = (await check(database)).get('inheritance');
  assert.equal(found?.status, 'warning');
  assert.match(found.message, /^Odd\.a b, old\.far inherit from public\.base:/);
  assert.match(found.fix ?? '', /'Odd\."a b"', 'old\.far'\.$/);
  const warned: string[] = [];
  await using source = new PostgresSource({
    name: 'main',
    url: database.url,
    tables: ['public.*'],
    onWarning: ({ code }) => warned.push(code),
  });
  await source.setUp(signal, { slot: 'create' });
  assert.deepEqual(warned, ['SOURCE_CHILDREN_LEFT_OUT']);
  // Only what is named is published.
  const { rows } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_publication_tables WHERE pubname = 'tidings_main' ORDER BY 1`,
  );
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['alone', 'base', 'near', 'part'],
  );
  const named = await check(database, ['public.*', 'Odd."a b"', 'old.far']);
  assert.equal(named.get('inheritance'), undefined);
  await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE database = current_database()`);
});
