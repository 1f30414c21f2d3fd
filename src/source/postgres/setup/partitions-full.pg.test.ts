import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTablePatterns } from '../../../change/table-pattern.ts';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { readTables } from './captured-tables.ts';
import { checkTables } from '../check/check-tables.ts';
import { publicationNames } from './publication.ts';
import { SqlSession } from '../connection/sql-session.ts';

const { signal } = new AbortController();

test('the statement for whole old rows of partitions locks only those that lack them', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query(`CREATE TABLE ev (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
    CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM (0) TO (10);
    CREATE TABLE ev_2 PARTITION OF ev FOR VALUES FROM (10) TO (20);
    CREATE TABLE ev_3 PARTITION OF ev FOR VALUES FROM (20) TO (30);
    ALTER TABLE ev_3 REPLICA IDENTITY FULL`);
  await using session = new SqlSession({ source: 'main', url });
  const query = { patterns: compileTablePatterns(['public.*']), names: publicationNames('main') };
  const tables = await readTables(session, { ...query, triggered: true }, signal);
  const sql = [...checkTables(tables, [])].flatMap((each) => each.sql ?? []).join('\n');
  const identities = async (): Promise<string> => {
    const { rows } = await client.query<{ all: string }>(
      `SELECT string_agg(relreplident::text, '' ORDER BY relname) AS all FROM pg_class
       WHERE relname IN ('ev', 'ev_1', 'ev_2', 'ev_3')`,
    );
    return rows[0]?.all ?? '';
  };
  // Somebody uses the one that has it already: it needs no lock.
  const user = await database.connect();
  try {
    await user.query('BEGIN; SELECT FROM ev_3');
    await client.query(`SET lock_timeout = '5s'; ${sql}`);
  } finally {
    await user.end();
  }
  assert.equal(await identities(), 'ffff');
});
