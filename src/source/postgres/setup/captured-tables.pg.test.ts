import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTablePatterns } from '../../../change/table-pattern.ts';
import { freshDatabase, MAJORS } from '../../../../test/support/postgres.ts';
import { readSkipped, readTables } from './captured-tables.ts';
import { PostgresSource } from '../postgres-source.ts';
import { publicationNames } from './publication.ts';
import { SqlSession } from '../connection/sql-session.ts';

const { signal } = new AbortController();

/** Each table says by its name where it belongs. */
const TABLES = `
  CREATE TABLE all_key (id int PRIMARY KEY, a int);
  CREATE TABLE all_full (id int, a int); ALTER TABLE all_full REPLICA IDENTITY FULL;
  CREATE TABLE all_index (id int NOT NULL UNIQUE, a int);
  ALTER TABLE all_index REPLICA IDENTITY USING INDEX all_index_id_key;
  CREATE TABLE all_computed (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) STORED);
  ALTER TABLE all_computed REPLICA IDENTITY FULL;
  CREATE TABLE all_computed_key (a int, b int GENERATED ALWAYS AS (a + 1) STORED PRIMARY KEY);
  CREATE TABLE all_parted (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
  CREATE TABLE parted_1 PARTITION OF all_parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE parted_2 PARTITION OF all_parted FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
  CREATE TABLE parted_2_1 PARTITION OF parted_2 FOR VALUES FROM (10) TO (20);
  CREATE TABLE all_no_partitions (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
  CREATE TABLE "all Odd ""name""" (id int PRIMARY KEY, a int);
  CREATE TABLE insert_no_key (id int, a int);
  CREATE TABLE insert_nothing (id int PRIMARY KEY, a int); ALTER TABLE insert_nothing REPLICA IDENTITY NOTHING;
  CREATE TABLE insert_deferrable (id int PRIMARY KEY DEFERRABLE, a int);
  CREATE TABLE insert_lost_index (id int NOT NULL, a int);
  CREATE UNIQUE INDEX lost ON insert_lost_index (id);
  ALTER TABLE insert_lost_index REPLICA IDENTITY USING INDEX lost; DROP INDEX lost;
  CREATE TABLE insert_parted (id int, a int) PARTITION BY RANGE (id);
  CREATE TABLE iparted_1 PARTITION OF insert_parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE insert_part_nothing (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
  CREATE TABLE npart_1 PARTITION OF insert_part_nothing FOR VALUES FROM (0) TO (10);
  ALTER TABLE npart_1 REPLICA IDENTITY NOTHING;
  CREATE UNLOGGED TABLE skipped_unlogged (id int PRIMARY KEY, a int);
  CREATE TEMPORARY TABLE skipped_temporary (id int PRIMARY KEY, a int);
  CREATE VIEW skipped_view AS SELECT 1 AS id;
  CREATE SCHEMA tidings; CREATE TABLE tidings.ours (id int);
  CREATE SCHEMA other; CREATE TABLE other.excluded (id int PRIMARY KEY, a int);
  CREATE TABLE other.all_other (id int PRIMARY KEY, a int);`;

/** PostgreSQL 18: an old row with a column that is computed on reading cannot be published. */
const TABLES_18 = `
  CREATE TABLE insert_virtual (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);
  ALTER TABLE insert_virtual REPLICA IDENTITY FULL;
  CREATE TABLE all_virtual (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) VIRTUAL);`;

const PATTERNS = ['public.*', 'other.*', '!other.excluded'];

for (const major of MAJORS) {
  test(`PostgreSQL ${major}: tables go where the application's own updates still work`, async () => {
    await using database = await freshDatabase(major);
    const { client, url } = database;
    await client.query(TABLES);
    if (major >= 18) await client.query(TABLES_18);
    await using source = new PostgresSource({ name: 'main', url, tables: PATTERNS });
    await source.setUp(signal, { slot: 'create' });

    const { rows } = await client.query<{ name: string; all: boolean; insert: boolean }>(
      `SELECT c.relname AS name, bool_or(p.pubname = 'tidings_main') AS all,
         bool_or(p.pubname = 'tidings_main_insert_only') AS insert
       FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
         JOIN pg_publication p ON p.oid = r.prpubid GROUP BY 1`,
    );
    for (const { name, all, insert } of rows) {
      assert.equal(all, name.startsWith('all'), name);
      assert.equal(insert, name.startsWith('insert'), name);
    }
    const { rows: expected } = await client.query<{ count: string }>(
      `SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND (relname LIKE 'all%' OR relname LIKE 'insert%')`,
    );
    assert.equal(String(rows.length), expected[0]?.count, rows.map((row) => row.name).join(' '));

    // The database's own truth: nobody's update or delete is refused because of us.
    const { rows: every } = await client.query<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class
       WHERE relkind IN ('r', 'p') AND relnamespace IN ('public'::regnamespace, 'other'::regnamespace)`,
    );
    for (const { name } of every) {
      await client.query(`UPDATE ${name} SET a = a + 1; DELETE FROM ${name} WHERE a < 0`);
    }
  });
}

test('a partition alone is meant when its table is not', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query(`
    CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
    CREATE TABLE part_2 PARTITION OF whole FOR VALUES FROM (10) TO (20)`);
  await using session = new SqlSession({ source: 'main', url });
  const names = async (...patterns: string[]): Promise<string[]> =>
    (
      await readTables(
        session,
        {
          patterns: compileTablePatterns(patterns),
          names: publicationNames('main'),
          triggered: false,
        },
        signal,
      )
    ).map((table) => table.name);
  assert.deepEqual(await names('public.*'), ['whole']);
  assert.deepEqual(await names('public.part_1'), ['part_1']);
  assert.deepEqual(await names('public.part_*', '!public.part_2'), ['part_1']);
});

test('without an event trigger, partitions that only happen to have an identity are not trusted', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query(`
    CREATE TABLE whole (id int, a int) PARTITION BY RANGE (id);
    CREATE TABLE part_1 PARTITION OF whole FOR VALUES FROM (0) TO (10);
    ALTER TABLE whole REPLICA IDENTITY FULL; ALTER TABLE part_1 REPLICA IDENTITY FULL`);
  await using session = new SqlSession({ source: 'main', url });
  const query = { patterns: compileTablePatterns(['public.*']), names: publicationNames('main') };
  const [triggered] = await readTables(session, { ...query, triggered: true }, signal);
  const [alone] = await readTables(session, { ...query, triggered: false }, signal);
  assert.equal(triggered?.wantedInAll, true);
  assert.equal(alone?.wantedInAll, false);
  assert.equal(alone.wantedInInsertOnly, true);
  assert.equal(alone.full, true);
  await client.query('CREATE TABLE part_2 PARTITION OF whole FOR VALUES FROM (10) TO (20)');
  const [later] = await readTables(session, { ...query, triggered: true }, signal);
  assert.equal(later?.wantedInAll, false);
  assert.equal(later.partlyFull, true);
});

test('what is left out is named with its reason', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query(
    `CREATE UNLOGGED TABLE u (id int); CREATE VIEW v AS SELECT 1; CREATE TABLE t (id int)`,
  );
  await using session = new SqlSession({ source: 'main', url });
  const skipped = await readSkipped(session, compileTablePatterns(['public.*']), signal);
  assert.deepEqual(skipped, [
    { schema: 'public', name: 'u', why: 'unlogged' },
    { schema: 'public', name: 'v', why: 'view' },
  ]);
});
