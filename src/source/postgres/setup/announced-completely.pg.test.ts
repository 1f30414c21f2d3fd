/** The event trigger looks only at what a command can have changed, and must miss nothing of it (invariant 14). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTablePatterns } from '../../../change/table-pattern.ts';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { announceNoticedSql } from '../relation/announcements.ts';
import type { RelationDescription } from '../relation/relation-description.ts';
import { SqlSession } from '../connection/sql-session.ts';
import { PostgresSource } from '../postgres-source.ts';

const { signal } = new AbortController();
const PATTERNS = ['public.*', 'other.*'];

/** Tables of all kinds, and trees of partitions. */
const TABLES = `
  CREATE SCHEMA other; CREATE SCHEMA beyond;
  CREATE TYPE mood AS ENUM ('a'); CREATE TYPE inner_pair AS (x int, m mood);
  CREATE TYPE pair AS (p inner_pair, y int); CREATE DOMAIN num AS int; CREATE DOMAIN num2 AS num;
  CREATE TABLE t (id int PRIMARY KEY, m mood, p pair, n num2, l inner_pair[]);
  CREATE TABLE d (id num PRIMARY KEY, v int); CREATE TABLE e (m mood, id int PRIMARY KEY);
  CREATE TABLE r (id int, k int, m mood, PRIMARY KEY (k, id)) PARTITION BY LIST (k);
  CREATE TABLE r1 PARTITION OF r FOR VALUES IN (1);
  CREATE TABLE other.r2 PARTITION OF r FOR VALUES IN (2, 3) PARTITION BY LIST (k);
  CREATE TABLE r21 PARTITION OF other.r2 FOR VALUES IN (2);
  CREATE TABLE r22 PARTITION OF other.r2 FOR VALUES IN (3);
  CREATE TABLE sub (id int NOT NULL, k int NOT NULL, m mood) PARTITION BY LIST (k);
  CREATE TABLE sub1 PARTITION OF sub FOR VALUES IN (4);
  CREATE TABLE parent (id int PRIMARY KEY, v int); CREATE TABLE child () INHERITS (parent);`;

const COMMANDS = [
  'ALTER TABLE r ATTACH PARTITION sub FOR VALUES IN (4)',
  'ALTER TABLE r DETACH PARTITION other.r2',
  'ALTER TABLE r ATTACH PARTITION other.r2 FOR VALUES IN (2, 3)',
  'ALTER TABLE r DETACH PARTITION r1',
  'ALTER TABLE r ATTACH PARTITION r1 FOR VALUES IN (1)',
  'ALTER TABLE r RENAME TO root',
  'ALTER TABLE root SET SCHEMA other',
  'ALTER TABLE other.root SET SCHEMA beyond',
  'ALTER TABLE beyond.root SET SCHEMA public',
  'ALTER TABLE root DROP CONSTRAINT r_pkey',
  'ALTER TABLE root ADD PRIMARY KEY (id, k)',
  'ALTER TABLE root RENAME m TO mm',
  'ALTER TABLE root ADD COLUMN extra text',
  'ALTER TABLE root DROP COLUMN mm',
  'ALTER TABLE root ALTER extra TYPE varchar(10)',
  'ALTER TABLE other.r2 RENAME TO r2renamed',
  'ALTER TABLE r21 RENAME TO r21renamed',
  'ALTER TABLE root DETACH PARTITION other.r2renamed',
  'ALTER TABLE other.r2renamed RENAME k TO kk',
  'ALTER SCHEMA other RENAME TO another',
  'ALTER SCHEMA another RENAME TO other',
  'ALTER TABLE parent RENAME v TO w',
  'ALTER TABLE parent ADD COLUMN x int',
  'ALTER TABLE child NO INHERIT parent',
  'ALTER TABLE child INHERIT parent',
  `ALTER TYPE mood ADD VALUE 'b'`,
  'ALTER TYPE inner_pair ADD ATTRIBUTE z int CASCADE',
  'ALTER TYPE inner_pair RENAME ATTRIBUTE z TO zz CASCADE',
  'ALTER DOMAIN num RENAME TO number',
  'ALTER TYPE pair SET SCHEMA beyond',
  'BEGIN; SAVEPOINT a; ALTER TABLE t RENAME n TO nn; RELEASE a; SAVEPOINT b; DROP DOMAIN number CASCADE; RELEASE b; COMMIT',
  'BEGIN; ALTER TABLE root DETACH PARTITION sub; ALTER TABLE sub RENAME TO subroot; ALTER TABLE root ATTACH PARTITION subroot FOR VALUES IN (4); COMMIT',
  'DO $$ BEGIN BEGIN ALTER TABLE e RENAME id TO ident; EXCEPTION WHEN OTHERS THEN NULL; END; BEGIN DROP TYPE inner_pair CASCADE; EXCEPTION WHEN division_by_zero THEN NULL; END; END $$',
  'DROP TYPE mood CASCADE',
  'DROP SCHEMA beyond CASCADE',
  'DROP TABLE sub1',
  'DROP SCHEMA other CASCADE',
  'DROP TABLE root',
  'DROP TABLE parent CASCADE',
];

test('whatever a command changed is announced in its own transaction', async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query(TABLES);
  await using source = new PostgresSource({ name: 'main', url, tables: PATTERNS });
  await source.setUp(signal, { slot: 'create' });
  const text = announceNoticedSql('main', compileTablePatterns(PATTERNS));
  await using session = new SqlSession({ source: 'main', url });
  const unannounced = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ oids: string[] }>(
      `SELECT array_agg(DISTINCT oid::text) AS oids FROM (SELECT oid FROM pg_class WHERE oid >= 16384
         UNION SELECT relation FROM tidings.tidings_main_relations) every`,
    );
    const values = [rows[0]?.oids];
    const news = await session.query<{
      readonly before: RelationDescription | null;
      readonly description: RelationDescription | null;
    }>({ text, values }, signal);
    return news.map(({ before, description }) => `${before?.name} is now ${description?.name}`);
  };
  assert.deepEqual(await unannounced(), []);
  for (const command of COMMANDS) {
    await client.query(command);
    assert.deepEqual(await unannounced(), [], command);
  }
  await source.tearDown(signal);
});
