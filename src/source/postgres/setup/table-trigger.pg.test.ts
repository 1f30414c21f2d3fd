import assert from 'node:assert/strict';
import { test } from 'node:test';
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

/** Streams until the condition holds. */
async function receiveUntil(
  source: PostgresSource,
  condition: (receiver: RecordingReceiver) => boolean,
): Promise<RecordingReceiver> {
  const receiver = new RecordingReceiver();
  const done = new AbortController();
  const streaming = source.stream({ from: null, receiver, signal: done.signal });
  try {
    await until(() => condition(receiver));
  } finally {
    done.abort();
    await streaming;
  }
  return receiver;
}

/** `table operation`, with how often it came in a row. */
function outline(receiver: RecordingReceiver): string[] {
  return receiver.changes.map(({ table, operation }) => `${table.name} ${operation}`);
}

async function published(database: TestDatabase): Promise<string[]> {
  const { rows } = await database.client.query<{ place: string }>(
    `SELECT p.pubname || ' ' || r.prrelid::regclass AS place
     FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid ORDER BY 1`,
  );
  return rows.map((row) => row.place);
}

for (const major of MAJORS) {
  test(`PostgreSQL ${major}: a table made later is captured from its first row`, async () => {
    await using database = await freshDatabase(major);
    const { client, url } = database;
    await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
    await source.setUp(signal, { slot: 'create' });
    await client.query(
      'BEGIN; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); UPDATE a SET id = 2; COMMIT',
    );
    // As a dump is restored: rows first, then the key.
    await client.query(
      'BEGIN; CREATE TABLE b (id int, n int); INSERT INTO b VALUES (1, 1), (2, 2)',
    );
    await client.query('ALTER TABLE ONLY b ADD CONSTRAINT b_pkey PRIMARY KEY (id); COMMIT');
    await client.query('UPDATE b SET n = 3 WHERE id = 2');
    await client.query('ALTER TABLE b DROP CONSTRAINT b_pkey');
    await client.query('UPDATE b SET n = 4 WHERE id = 2');
    await client.query('INSERT INTO b VALUES (3, 3)');
    await client.query('CREATE SCHEMA later CREATE TABLE later.elsewhere (id int)');
    await client.query('CREATE TABLE last (id int PRIMARY KEY); INSERT INTO last VALUES (1)');
    const receiver = await receiveUntil(
      source,
      ({ changes }) => changes.at(-1)?.table.name === 'last',
    );
    assert.deepEqual(outline(receiver), [
      'a insert',
      'a update',
      'b insert',
      'b insert',
      'b update',
      'b insert',
      'last insert',
    ]);
    assert.deepEqual(await published(database), [
      'tidings_main a',
      'tidings_main last',
      'tidings_main_insert_only b',
    ]);
  });
}

test('everything that changes what a table is moves it', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await using source = new PostgresSource({
    name: 'main',
    url,
    tables: ['public.*', 'shop.*', '!public.tmp_*'],
  });
  await source.setUp(signal, { slot: 'create' });
  const after = async (sql: string, expected: readonly string[]): Promise<void> => {
    await client.query(sql);
    assert.deepEqual(await published(database), expected, sql);
  };
  const [all, insertOnly] = ['tidings_main', 'tidings_main_insert_only'];
  await after('CREATE TABLE t (id int NOT NULL, a int)', [`${insertOnly} t`]);
  await after('CREATE UNIQUE INDEX i ON t (id)', [`${insertOnly} t`]);
  await after('ALTER TABLE t REPLICA IDENTITY USING INDEX i', [`${all} t`]);
  await after('DROP INDEX i', [`${insertOnly} t`]);
  await after('ALTER TABLE t REPLICA IDENTITY FULL', [`${all} t`]);
  await after('ALTER TABLE t RENAME TO tmp_t', []);
  await after('ALTER TABLE tmp_t RENAME TO t', [`${all} t`]);
  await after('CREATE SCHEMA other; ALTER TABLE t SET SCHEMA other', []);
  await after('ALTER SCHEMA other RENAME TO shop', [`${all} shop.t`]);
  await after('CREATE TABLE u AS SELECT 1 AS id', [`${all} shop.t`, `${insertOnly} u`]);
  await after('SELECT 1 AS id INTO v', [`${all} shop.t`, `${insertOnly} u`, `${insertOnly} v`]);
  await after('DROP TABLE u, v', [`${all} shop.t`]);
  await after('DROP SCHEMA shop CASCADE', []);
  await after('CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)', [`${all} p`]);
  await after('CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)', [`${all} p`]);
  await after('ALTER TABLE p1 REPLICA IDENTITY NOTHING', [`${insertOnly} p`]);
  await after('ALTER TABLE p DETACH PARTITION p1', [`${all} p`, `${insertOnly} p1`]);
  await after('CREATE UNLOGGED TABLE q (id int PRIMARY KEY)', [`${all} p`, `${insertOnly} p1`]);
  await after('ALTER TABLE q SET LOGGED', [`${all} p`, `${all} q`, `${insertOnly} p1`]);
});

test('the application never fails because of it', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
  await source.setUp(signal, { slot: 'create' });
  const warnings: string[] = [];
  client.on('notice', (notice) => warnings.push(notice.message ?? ''));
  await client.query('DROP PUBLICATION tidings_main');
  await client.query('CREATE TABLE a (id int PRIMARY KEY)');
  assert.match(warnings.join(), /Tidings \(source main\) could not follow/);

  // A role without any right makes a table: the function acts with its owner's rights.
  const role = `maker_${database.name}`;
  await source.setUp(signal, { slot: 'create' });
  await client.query(
    `CREATE ROLE ${role}; GRANT CREATE ON SCHEMA public TO ${role}; SET ROLE ${role}`,
  );
  warnings.length = 0;
  await client.query('CREATE TABLE b (id int PRIMARY KEY)');
  assert.deepEqual(warnings, []);
  await client.query(`RESET ROLE`);
  assert.deepEqual(await published(database), ['tidings_main a', 'tidings_main b']);

  // A search path that would lead to somebody else's functions and operators.
  await client.query(`CREATE SCHEMA evil; CREATE FUNCTION evil.format(text, text, text, text) RETURNS text
    LANGUAGE sql AS $$ SELECT 'DROP TABLE a' $$; SET search_path = evil, pg_catalog, public`);
  await client.query('CREATE TABLE public.c (id int PRIMARY KEY)');
  await client.query('RESET search_path');
  assert.deepEqual(await published(database), [
    'tidings_main a',
    'tidings_main b',
    'tidings_main c',
  ]);
  await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

test('rows that CREATE TABLE AS itself writes come too early, and it says so', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
  await source.setUp(signal, { slot: 'create' });
  const notices: string[] = [];
  client.on('notice', (notice) => notices.push(notice.message ?? ''));
  await client.query('BEGIN; CREATE TABLE t AS SELECT 1 AS id; INSERT INTO t VALUES (2); COMMIT');
  assert.match(notices.join(), /captures public\.t from here on/);
  const receiver = await receiveUntil(source, ({ changes }) => changes.length > 0);
  assert.deepEqual(outline(receiver), ['t insert']);
});

test('two transactions that make tables do not wait for each other for long', async () => {
  // A server of its own: an open transaction would hold up the slots of other tests.
  await using server = await startTestServer();
  await using database = await freshDatabase(server.url);
  const { client, url } = database;
  await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
  await source.setUp(signal, { slot: 'create' });
  const other = await database.connect();
  await client.query('BEGIN; CREATE TABLE a (id int PRIMARY KEY)');
  // It gives way instead of waiting for the first transaction, which may take for ever.
  await other.query('CREATE TABLE b (id int PRIMARY KEY)');
  await client.query('COMMIT');
  assert.deepEqual(await published(database), ['tidings_main a']);
  // The look at the catalogue beside the stream is there for this.
  const done = new AbortController();
  const receiver = new RecordingReceiver();
  const streaming = source.stream({ from: null, receiver, signal: done.signal });
  await until(async () => (await published(database)).includes('tidings_main b'));
  await other.query('INSERT INTO b VALUES (1)');
  await until(() => receiver.changes.length === 1);
  done.abort();
  await streaming;
});

test('a partitioned table stays where it is unless what was changed makes it worse', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query(`CREATE TABLE r (id int, k int) PARTITION BY LIST (k);
    CREATE TABLE r1 PARTITION OF r FOR VALUES IN (1); ALTER TABLE r1 REPLICA IDENTITY FULL;
    CREATE TABLE s (id int PRIMARY KEY, k int); CREATE UNIQUE INDEX s_k ON s (k);
    ALTER TABLE s ALTER k SET NOT NULL; ALTER TABLE s REPLICA IDENTITY USING INDEX s_k`);
  await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
  await source.setUp(signal, { slot: 'create' });
  const at = async (sql: string, ...expected: readonly string[]): Promise<void> => {
    await client.query(sql);
    assert.deepEqual(await published(database), expected, sql);
  };
  const both = ['tidings_main r', 'tidings_main s'];
  await at('SELECT', ...both);
  // Without a row there is nothing that it could do to anybody's UPDATE.
  await at('CREATE TABLE r2 PARTITION OF r FOR VALUES IN (2, 3) PARTITION BY LIST (k)', ...both);
  await at(
    `BEGIN; CREATE TABLE x (id int, k int); ALTER TABLE x REPLICA IDENTITY FULL;
     ALTER TABLE r2 ATTACH PARTITION x FOR VALUES IN (2); COMMIT`,
    ...both,
  );
  await at(
    'CREATE TABLE r3 PARTITION OF r2 FOR VALUES IN (3)',
    'tidings_main s',
    'tidings_main_insert_only r',
  );
  await at('ALTER TABLE r3 REPLICA IDENTITY FULL', ...both);
  await at(
    'ALTER TABLE r1 REPLICA IDENTITY NOTHING',
    'tidings_main s',
    'tidings_main_insert_only r',
  );
  await at('ALTER TABLE r1 REPLICA IDENTITY FULL', ...both);
  await at('DROP INDEX s_k', 'tidings_main r', 'tidings_main_insert_only s');
  await at('ALTER TABLE s REPLICA IDENTITY DEFAULT', ...both);
  await at(
    `CREATE DOMAIN kind AS int; CREATE TABLE d (id kind PRIMARY KEY, v int)`,
    'tidings_main d',
    ...both,
  );
  await at('DROP DOMAIN kind CASCADE', ...both, 'tidings_main_insert_only d');
  await at('CREATE SCHEMA other; ALTER TABLE d SET SCHEMA other', ...both);
  await at('ALTER TABLE other.d SET SCHEMA public', ...both, 'tidings_main_insert_only d');
  await source.tearDown(signal);
});
