import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { PostgresSource } from '../postgres-source.ts';

const { signal } = new AbortController();

const COUNT = 450;
/** More than this the server's memory of one statement must not depend on. */
const FEW = 200;

function open(database: TestDatabase, progress: string[] = []): PostgresSource {
  return new PostgresSource({
    name: 'main',
    url: database.url,
    tables: ['public.t*'],
    onProgress: ({ done, all }) => progress.push(`${done} of ${all}`),
  });
}

/** Somebody else's event triggers, which write down each command with the number of what it concerns. */
const WITNESS = `
  CREATE TABLE witness (place serial, tag text, transaction xid8, concerned int);
  CREATE FUNCTION witness() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.witness (tag, transaction, concerned) SELECT tg_tag, pg_current_xact_id(), count(*)
      FROM pg_event_trigger_ddl_commands(); END $$;
  CREATE FUNCTION witness_dropped() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.witness (tag, transaction, concerned) SELECT tg_tag, pg_current_xact_id(), count(*)
      FROM pg_event_trigger_dropped_objects(); END $$;
  CREATE EVENT TRIGGER witness ON ddl_command_end EXECUTE FUNCTION witness();
  CREATE EVENT TRIGGER witness_dropped ON sql_drop EXECUTE FUNCTION witness_dropped();`;

interface Witnessed {
  readonly tag: string;
  readonly transaction: string;
  readonly concerned: number;
}

async function withManyTables(): Promise<TestDatabase> {
  const database = await freshDatabase();
  await database.client.query(
    `DO $$ BEGIN FOR i IN 1..${COUNT} LOOP
       EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY)', i); END LOOP; END $$; ${WITNESS}`,
  );
  return database;
}

async function witnessed(database: TestDatabase): Promise<readonly Witnessed[]> {
  const { rows } = await database.client.query<Witnessed>(
    `WITH taken AS (DELETE FROM witness RETURNING *)
     SELECT tag, transaction::text, concerned FROM taken ORDER BY place`,
  );
  return rows;
}

test('no statement of set-up or of removal grows with the number of tables', async () => {
  await using database = await withManyTables();
  const progress: string[] = [];
  await using source = open(database, progress);
  await source.setUp(signal, { slot: 'create' });
  const made = await witnessed(database);
  const placed = made.filter(({ tag }) => tag === 'ALTER PUBLICATION');
  assert.equal(
    placed.reduce((sum, { concerned }) => sum + concerned, 0),
    COUNT,
  );
  assert.ok(Math.max(...placed.map(({ concerned }) => concerned)) <= FEW, JSON.stringify(placed));
  assert.equal(new Set(placed.map(({ transaction }) => transaction)).size, placed.length);
  const lastPlaced = made.findLastIndex(({ tag }) => tag === 'ALTER PUBLICATION');
  assert.ok(made.findIndex(({ tag }) => tag === 'CREATE FUNCTION') > lastPlaced);
  assert.deepEqual(progress, ['200 of 450', '400 of 450', '450 of 450']);

  const { rows } = await database.client.query<{ count: number; largest: number }>(
    `SELECT sum(count)::int AS count, max(count)::int AS largest FROM
       (SELECT count(*) FROM tidings.tidings_main_relations GROUP BY xid) each`,
  );
  assert.equal(rows[0]?.count, COUNT);
  assert.ok((rows[0]?.largest ?? 0) <= FEW, JSON.stringify(rows));

  // Once more, with nothing to do.
  await source.setUp(signal, { slot: 'expect' });
  assert.deepEqual(await witnessed(database), []);
  assert.equal(progress.length, 3);

  await source.tearDown(signal);
  const dropped = await witnessed(database);
  // The last with the publication itself.
  const most = Math.max(...dropped.map(({ concerned }) => concerned));
  assert.ok(most <= FEW + 1, JSON.stringify(dropped));
});
