import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { compileTablePatterns } from '../../../change/table-pattern.ts';
import { createSlot, openStream } from '../../../../test/support/captured-stream.ts';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { until } from '../../../../test/support/until.ts';
import { tablesSql } from '../setup/captured-tables.ts';
import { listPartitions } from './partition-watch.ts';
import { PostgresSource } from '../postgres-source.ts';
import { publicationNames } from '../setup/publication.ts';
import { RelationCatalog } from './relation-catalog.ts';
import { capturedRelationsSql } from './relation-description.ts';
import type { SqlSession } from '../connection/sql-session.ts';

const { signal } = new AbortController();
const patterns = compileTablePatterns(['public.*']);

/** Partitions of `public.p` with the numbers from `first` on. */
function partitionsSql(first: number, count: number): string {
  return `DO $$ BEGIN FOR i IN ${first}..${first + count - 1} LOOP
    EXECUTE format('CREATE TABLE p%s PARTITION OF p FOR VALUES IN (%s)', i, i); END LOOP; END $$;`;
}

const ROOT = `CREATE TABLE p (id int, k int, PRIMARY KEY (k, id)) PARTITION BY LIST (k);`;

async function inTransaction<Result>(
  client: pg.Client,
  run: () => Promise<Result>,
): Promise<Result> {
  await client.query('BEGIN');
  try {
    return await run();
  } finally {
    await client.query('ROLLBACK');
  }
}

test('a look at the tables locks no partition', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query(ROOT + partitionsSql(0, 20));
  const session = {
    query: async (statement: { text: string; values: unknown[] }) =>
      (await client.query(statement)).rows,
  } as unknown as SqlSession;
  const names = publicationNames('main');
  const looks: readonly (() => Promise<unknown>)[] = [
    () => client.query(tablesSql({ patterns, names, triggered: true })),
    () => client.query(capturedRelationsSql(patterns)),
    () => listPartitions(session, patterns, [], signal),
  ];
  for (const look of looks) {
    const locked = await inTransaction(client, async () => {
      await look();
      const { rows } = await client.query<{ name: string }>(
        `SELECT c.relname::text AS name FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
         WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'public'::regnamespace`,
      );
      return rows.map(({ name }) => name);
    });
    assert.deepEqual(locked, [], look.toString());
  }
});

/** How often a command has the catalogue searched for indexes, by our event trigger or by the server. */
async function searches({ client }: TestDatabase, command: string): Promise<number> {
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ count: number }>(
      `SELECT (idx_scan + seq_scan)::int AS count FROM pg_stat_xact_sys_tables
       WHERE relname = 'pg_index'`,
    );
    return rows[0]?.count ?? 0;
  };
  return inTransaction(client, async () => {
    const before = await count();
    await client.query(command);
    return (await count()) - before;
  });
}

test('what the event trigger does for a new table does not grow with tables and partitions', async () => {
  await using database = await freshDatabase();
  await using source = new PostgresSource({
    name: 'main',
    url: database.url,
    tables: ['public.*'],
  });
  await database.client.query(ROOT + partitionsSql(0, 5));
  await source.setUp(signal, { slot: 'create' });
  const commands = [
    'CREATE TABLE other (id int PRIMARY KEY)',
    'CREATE TABLE p_new PARTITION OF p FOR VALUES IN (-1)',
    'ALTER TABLE p1 REPLICA IDENTITY FULL',
    'CREATE TABLE unkeyed (id int); ALTER TABLE unkeyed ADD PRIMARY KEY (id)',
    'CREATE SCHEMA one; ALTER SCHEMA one RENAME TO two; DROP SCHEMA two',
    'CREATE INDEX extra ON p1 (id); DROP INDEX extra',
    'ALTER TABLE p DETACH PARTITION p1',
    'ALTER TABLE p DETACH PARTITION p1; ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1)',
    'CREATE TYPE kind AS ENUM (); DROP TYPE kind',
  ];
  const measure = async (): Promise<number[]> => {
    const counts: number[] = [];
    for (const command of commands) {
      await searches(database, command);
      counts.push(await searches(database, command));
    }
    return counts;
  };
  const few = await measure();
  const more = 60;
  await database.client.query(
    `${partitionsSql(5, more)} DO $$ BEGIN FOR i IN 1..${more} LOOP
       EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', i); END LOOP; END $$`,
  );
  const many = await measure();
  for (const [index, command] of commands.entries()) {
    const [before = 0, after = 0] = [few[index], many[index]];
    assert.ok(after - before < more / 2, `${command}: ${before} searches, then ${after}`);
  }
  await source.tearDown(signal);
});

test('a transaction over many partitions asks the catalogue for hundreds of them together', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  const count = 60;
  await client.query(ROOT + partitionsSql(0, count));
  await using source = new PostgresSource({ name: 'main', url, tables: ['public.*'] });
  await source.setUp(signal, { slot: 'create' });
  await createSlot(database, []);
  await client.query(`INSERT INTO p SELECT 1, k FROM generate_series(0, ${count - 1}) k`);
  // What was altered between it and the look, and what comes then.
  await client.query('ALTER TABLE p RENAME id TO number');
  await client.query(
    `INSERT INTO p SELECT 2, ${count - 1} - k FROM generate_series(0, ${count - 1}) k`,
  );
  let asked = 0;
  const catalog = new RelationCatalog({
    source: 'main',
    patterns,
    query: async (statement) => {
      asked++;
      return (await session.query<object>({ ...statement, values: [...statement.values] })).rows;
    },
  });
  const session = await database.connect({ options: '-c search_path=' });
  const options = { catalog, publications: ['tidings_main'] };
  {
    await using stream = await openStream(database, options);
    await until(() => stream.receiver.changes.length === 2 * count);
    assert.deepEqual(
      stream.receiver.transactions.map(({ changes }) => [
        changes.length,
        ...new Set(changes.map(({ table }) => table.columns[0]?.name)),
        ...new Set(changes.map(({ table }) => table.keyUnknown)),
        ...new Set(changes.map(({ table }) => table.origin?.id)),
      ]),
      ['id', 'number'].map((name) => [
        count,
        name,
        undefined,
        stream.receiver.tables[0]?.origin?.id,
      ]),
    );
  }
  assert.ok(asked < 20, `${asked} statements`);
  await source.tearDown(signal);
});

test('the catalogue is asked once for a relation, however often the server sends it', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY)');
  await createSlot(database);
  let asked = 0;
  const catalog = new RelationCatalog({
    source: 'main',
    patterns,
    query: async (statement) => {
      if (statement.name === 'tidings relation') asked++;
      return (await client.query<object>({ ...statement, values: [...statement.values] })).rows;
    },
  });
  const rounds = 10;
  for (let round = 0; round < rounds; round++) {
    // Whatever invalidates what the server remembers of a table has it send the relation again.
    await client.query(`INSERT INTO t VALUES (${round})`);
    await client.query('ANALYZE t');
  }
  for (let connection = 0; connection < 2; connection++) {
    await using stream = await openStream(database, { catalog });
    await stream.caughtUp();
    assert.equal(stream.receiver.changes.length, rounds);
  }
  assert.equal(asked, 1);
  // What is altered later is asked for again.
  await client.query('ALTER TABLE t RENAME id TO number; INSERT INTO t VALUES (-1)');
  await using stream = await openStream(database, { catalog });
  await stream.caughtUp();
  assert.equal(stream.receiver.changes.at(-1)?.table.columns[0]?.name, 'number');
  assert.equal(asked, 2);
});
