import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError, type TidingsError } from '../../../errors/tidings-error.ts';
import {
  freshDatabase,
  MAJORS,
  startTestServer,
  type TestDatabase,
} from '../../../../test/support/postgres.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { PostgresSource } from '../postgres-source.ts';

const { signal } = new AbortController();

function open(url: string, tables: readonly string[] = ['public.*']): PostgresSource {
  return new PostgresSource({ name: 'main', url, tables });
}

async function refusal(run: Promise<unknown>): Promise<TidingsError> {
  try {
    await run;
  } catch (error) {
    assert.ok(isTidingsError(error), String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'it was not refused' });
}

/** Everything in the database whose name says that it is ours. */
async function ours(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.client.query<{ name: string }>(
    `SELECT 'publication ' || pubname AS name FROM pg_publication
     UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE database = current_database()
     UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
     UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'tidings%'
     UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'tidings%' ORDER BY 1`,
  );
  return rows.map((row) => row.name);
}

interface Role {
  readonly name: string;
  readonly url: string;
}

/** A role that can log in and nothing else; dropped with the server. */
async function createRole(database: TestDatabase, options = ''): Promise<Role> {
  const name = `role_${database.name}`;
  await database.client.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret' ${options}`);
  const url = new URL(database.url);
  url.username = name;
  url.password = 'secret';
  return { name, url: url.href };
}

async function dropRole(database: TestDatabase, ...names: string[]): Promise<void> {
  for (const name of names) await database.client.query(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
}

for (const major of MAJORS) {
  test(`PostgreSQL ${major}: made once, found again, looked at, removed without a trace`, async () => {
    await using database = await freshDatabase(major);
    await database.client.query('CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int)');
    await using source = open(database.url);
    assert.equal((await source.status(signal)).state, 'missing');
    await source.setUp(signal, { slot: 'create' });
    const made = await ours(database);
    assert.deepEqual(
      made.map((name) => name.replace(/^(slot tidings_main)_\d+$/, '$1')),
      [
        'event trigger tidings_main_tables',
        'function tidings_main_tables',
        'publication tidings_main',
        'publication tidings_main_insert_only',
        'schema tidings',
        'slot tidings_main',
      ],
    );
    await source.setUp(signal, { slot: 'create' });
    await source.setUp(signal, { slot: 'expect' });
    assert.deepEqual(await ours(database), made);

    const status = await source.status(signal);
    assert.equal(status.state, 'reserved');
    assert.ok((status.safeBytes ?? 0) > 0);
    await database.client.query('INSERT INTO b SELECT generate_series(1, 1000)');
    const later = await source.status(signal);
    assert.ok((later.lagBytes ?? 0) > (status.lagBytes ?? 0) + 10_000, `${later.lagBytes}`);
    assert.ok((later.retainedBytes ?? 0) >= (later.lagBytes ?? 0));
    assert.ok((later.head ?? '') > (status.head ?? ''));

    // A transaction that is open is not visible, one that ended is.
    const other = await database.connect();
    await other.query('BEGIN');
    const { rows } = await other.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid');
    const xid = rows[0]?.xid ?? '';
    assert.equal((await source.visibility(signal)).visible(xid), false);
    // Only what is older than a transaction that has ended is listed.
    await database.client.query('SELECT pg_current_xact_id()');
    const during = await source.visibility(signal);
    assert.equal(during.visible(xid), false);
    assert.ok(during.inProgress.includes(xid));
    await other.query('COMMIT');
    assert.equal((await source.visibility(signal)).visible(xid), true);

    const identity = await source.identify(signal);
    const { rows: system } = await database.client.query<{ id: string }>(
      `SELECT system_identifier || '#' || (SELECT oid FROM pg_database
         WHERE datname = current_database()) AS id FROM pg_control_system()`,
    );
    assert.equal(identity, `postgresql:${system[0]?.id} ${database.name}`);

    assert.equal((await source.tearDown(signal)).length, 5);
    assert.deepEqual(await ours(database), []);
    assert.deepEqual(await source.tearDown(signal), []);
  });

  test(`PostgreSQL ${major}: a role with the least rights is enough`, async () => {
    await using database = await freshDatabase(major);
    const { client, name } = database;
    const role = await createRole(database, 'REPLICATION');
    const owner = `owner_${name}`;
    await client.query(`CREATE ROLE ${owner}; GRANT ${owner} TO ${role.name};
      GRANT CREATE ON DATABASE ${name} TO ${role.name}; GRANT CREATE ON SCHEMA public TO ${owner};
      SET ROLE ${owner}; CREATE TABLE a (id int PRIMARY KEY); RESET ROLE`);
    {
      await using source = open(role.url);
      await source.setUp(signal, { slot: 'create' });
      const receiver = new RecordingReceiver();
      const done = new AbortController();
      const streaming = source.stream({ from: null, receiver, signal: done.signal });
      await client.query('INSERT INTO a VALUES (1)');
      await until(() => receiver.changes.length === 1);
      // Without an event trigger, a new table is noticed while changes stream.
      await client.query(`SET ROLE ${owner}; CREATE TABLE b (id int PRIMARY KEY); RESET ROLE`);
      await until(async () => {
        const { rowCount } = await client.query(
          `SELECT FROM pg_publication_tables WHERE tablename = 'b'`,
        );
        return rowCount === 1;
      });
      await client.query('INSERT INTO b VALUES (1)');
      await until(() => receiver.changes.length === 2);
      done.abort();
      await streaming;
      assert.equal((await source.tearDown(signal)).length, 3);
    }
    await dropRole(database, role.name, owner);
  });
}

test('two sources that are set up in the same moment do not disturb each other', async () => {
  await using database = await freshDatabase();
  await database.client.query('CREATE TABLE a (id int PRIMARY KEY)');
  await using source = open(database.url);
  // The other source, between making the schema and its commit.
  const other = await database.connect();
  await other.query('BEGIN; CREATE SCHEMA tidings');
  const done = source.setUp(signal, { slot: 'create' });
  await until(async () => {
    const { rows } = await database.client.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
         AND query LIKE 'CREATE SCHEMA%'`,
    );
    return rows.length > 0;
  });
  await other.query('COMMIT');
  await done;
  assert.equal((await source.status(signal)).state, 'reserved');
  await source.tearDown(signal);
});

test('missing rights are said at once, with the SQL that gives them', async () => {
  await using database = await freshDatabase();
  const { client, name } = database;
  const role = await createRole(database);
  const owner = `owner_${name}`;
  await client.query(`CREATE ROLE ${owner}; GRANT CREATE ON SCHEMA public TO ${owner};
    SET ROLE ${owner}; CREATE TABLE theirs (id int PRIMARY KEY); RESET ROLE;
    CREATE TABLE "Superuser's" (id int PRIMARY KEY)`);
  {
    await using source = open(role.url);
    const error = await refusal(source.setUp(signal, { slot: 'create' }));
    assert.equal(error.code, 'RIGHTS_MISSING');
    for (const part of ['may not replicate', 'may not create publications', 'public.theirs']) {
      assert.ok(error.message.includes(part), error.message);
    }
    assert.ok(error.hint.includes(`GRANT "${owner}" TO "${role.name}";`), error.hint);
    assert.ok(!error.hint.includes('GRANT "postgres"'), 'never membership in a superuser');
    assert.deepEqual(await ours(database), [], 'nothing was made by half');
    const [, ...sql] = error.hint.split('\n');
    await client.query(sql.join('\n'));
    await source.setUp(signal, { slot: 'create' });
    const { rows } = await client.query<{ count: string }>(
      `SELECT count(*) FROM pg_publication_tables WHERE pubname = 'tidings_main'`,
    );
    assert.equal(rows[0]?.count, '2');

    // Another table of a superuser's, later: capture of the others goes on.
    const warnings: TidingsError[] = [];
    await using warned = new PostgresSource({
      name: 'main',
      url: role.url,
      tables: ['public.*'],
      onWarning: (warning) => warnings.push(warning),
    });
    await client.query('CREATE TABLE late (id int PRIMARY KEY)');
    await warned.setUp(signal, { slot: 'expect' });
    await warned.setUp(signal, { slot: 'expect' });
    assert.deepEqual(
      warnings.map(({ code, details }) => [code, details['tables']]),
      [['TABLES_NOT_FOLLOWED', 'public.late']],
    );
    await source.tearDown(signal);
  }
  await dropRole(database, role.name, owner);
});

test('an administrator can make everything, for a role that may only replicate', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  const role = await createRole(database, 'REPLICATION');
  await client.query('CREATE TABLE a (id int PRIMARY KEY)');
  {
    await using administrator = open(database.url);
    await administrator.setUp(signal, { slot: 'create' });
    await using source = open(role.url);
    await source.setUp(signal, { slot: 'create' });
    // The event trigger serves this role too.
    await client.query('CREATE TABLE b (id int PRIMARY KEY)');
    await source.setUp(signal, { slot: 'expect' });
    const receiver = new RecordingReceiver();
    const done = new AbortController();
    const streaming = source.stream({ from: null, receiver, signal: done.signal });
    await client.query('INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)');
    await until(() => receiver.changes.length === 2);
    done.abort();
    await streaming;
    const error = await refusal(source.tearDown(signal));
    assert.equal(error.code, 'RIGHTS_MISSING');
    // All of it at once; the role removed its slot itself.
    const sql = error.hint.slice(error.hint.indexOf('\n') + 1);
    assert.deepEqual(
      sql.split('\n').map((line) => line.split(' ').slice(0, 3).join(' ')),
      [
        'DROP EVENT TRIGGER',
        'DROP FUNCTION IF',
        'DROP TABLE IF',
        'DROP PUBLICATION IF',
        'DROP PUBLICATION IF',
        'DROP SCHEMA "tidings";',
      ],
    );
    await client.query(sql);
    assert.deepEqual(await source.tearDown(signal), []);
    assert.deepEqual(await administrator.tearDown(signal), []);
    const gone = await refusal(source.setUp(signal, { slot: 'expect' }));
    assert.equal(gone.code, 'SOURCE_UNINSTALLED');
  }
  await dropRole(database, role.name);
});

test('a publication that was dropped is a loss, and a restart goes on', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE a (id int PRIMARY KEY)');
  await using source = open(database.url);
  await source.setUp(signal, { slot: 'create' });
  await client.query('DROP PUBLICATION tidings_main; INSERT INTO a VALUES (1)');
  const error = await refusal(source.setUp(signal, { slot: 'expect' }));
  assert.equal(error.code, 'PUBLICATION_LOST');
  assert.match(error.hint, /--accept-gap main/);
  const before = (await source.status(signal)).head ?? '';
  const position = await source.restart(signal);
  assert.ok(position >= before, `${position} is at or after ${before}`);
  await source.setUp(signal, { slot: 'expect' });
  const receiver = new RecordingReceiver();
  const done = new AbortController();
  const streaming = source.stream({ from: position, receiver, signal: done.signal });
  await client.query('INSERT INTO a VALUES (2)');
  await until(() => receiver.changes.length === 1);
  done.abort();
  await streaming;
});

test('with a log that is new, publications made after the slot get a new slot', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE a (id int PRIMARY KEY)');
  await using source = open(database.url);
  await source.setUp(signal, { slot: 'create' });
  await client.query('DROP PUBLICATION tidings_main; INSERT INTO a VALUES (1)');
  await source.setUp(signal, { slot: 'create' });
  const receiver = new RecordingReceiver();
  const done = new AbortController();
  const streaming = source.stream({ from: null, receiver, signal: done.signal });
  await client.query('INSERT INTO a VALUES (2)');
  await until(() => receiver.changes.length === 1);
  done.abort();
  await streaming;
});

test('a publication that somebody changed or made for all tables', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(
    'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE stray (id int PRIMARY KEY)',
  );
  await using source = open(database.url, ['public.a']);
  await client.query(`CREATE PUBLICATION tidings_main FOR TABLE stray WITH (publish = 'insert')`);
  await source.setUp(signal, { slot: 'create' });
  const { rows } = await client.query<{
    pubupdate: boolean;
    pubviaroot: boolean;
    tables: string[];
  }>(
    `SELECT pubupdate, pubviaroot, (SELECT json_agg(tablename) FROM pg_publication_tables t WHERE t.pubname = p.pubname) AS tables
     FROM pg_publication p WHERE pubname = 'tidings_main'`,
  );
  assert.deepEqual(rows, [{ pubupdate: true, pubviaroot: false, tables: ['a'] }]);
  await source.tearDown(signal);
  await client.query('CREATE PUBLICATION tidings_main FOR ALL TABLES');
  const error = await refusal(source.setUp(signal, { slot: 'create' }));
  assert.equal(error.code, 'PUBLICATION_UNSUITABLE');
  await client.query(/`(DROP [^`]+)`/.exec(error.hint)?.[1] ?? 'the hint has no statement');
});

test('wal_level and free slots are looked at before anything is made', async () => {
  await using replica = await startTestServer(18, { wal_level: 'replica' });
  await using database = await freshDatabase(replica.url);
  await using source = open(database.url);
  const error = await refusal(source.setUp(signal, { slot: 'create' }));
  assert.equal(error.code, 'WAL_LEVEL');
  assert.match(error.hint, /ALTER SYSTEM SET wal_level = logical/);
  const failed = (await source.check(signal)).filter((check) => check.status === 'failed');
  assert.deepEqual(
    failed.map((check) => check.name),
    ['wal_level'],
  );
  assert.deepEqual(await ours(database), []);
});
