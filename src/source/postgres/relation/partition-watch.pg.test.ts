/** What lists of partitions show, where no command has told of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableMark } from '../../../change/mark.ts';
import { compileTablePatterns } from '../../../change/table-pattern.ts';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { fingerprintPartitions, listPartitions, PartitionWatch } from './partition-watch.ts';
import { SqlSession } from '../connection/sql-session.ts';

const TABLES = `
  CREATE TABLE r (id int, d int, t timestamptz) PARTITION BY LIST (d);
  CREATE TABLE s PARTITION OF r FOR VALUES IN (1, 2) PARTITION BY RANGE (t);
  CREATE TABLE s1 PARTITION OF s FOR VALUES FROM (MINVALUE) TO ('2026-02-03 00:00:00+00');
  CREATE TABLE s2 PARTITION OF s DEFAULT;
  CREATE TABLE r3 PARTITION OF r FOR VALUES IN (3)`;

const textOf = ({ kind, name, partition, link }: TableMark): string =>
  `${kind} ${name} ${partition?.name}: ${link?.parent.name} ${link?.name} ${link?.bounds}`;

for (const major of [18, 14] as const) {
  test(`PostgreSQL ${major}: what was cut from where, with its bounds`, async () => {
    await using database = await freshDatabase(major);
    const { client, url } = database;
    await client.query(TABLES);
    const { signal } = new AbortController();
    await using session = new SqlSession({ source: 'main', url });
    const patterns = compileTablePatterns(['public.*']);
    const watch = new PartitionWatch([], null);
    let seen = '';
    const found = async (): Promise<readonly string[]> => {
      const { fingerprint } = await fingerprintPartitions(session, signal);
      assert.notEqual(fingerprint, seen);
      seen = fingerprint;
      watch.listed(await listPartitions(session, patterns, watch.known, signal), '');
      return [...watch.passed('F')].map(({ mark }) => textOf(mark)).toSorted();
    };
    assert.equal((await found()).length, 3);
    await client.query('ALTER TABLE s DETACH PARTITION s1');
    assert.deepEqual(await found(), [
      `detached r s1: s s1 FOR VALUES FROM (MINVALUE) TO ('2026-02-03 00:00:00+00')`,
    ]);
    await client.query('ALTER TABLE r DETACH PARTITION s; ALTER TABLE s RENAME TO q');
    assert.deepEqual(await found(), [
      'detached r s2: r s FOR VALUES IN (1, 2)',
      'present q s2: undefined undefined undefined',
    ]);
    await client.query('DROP TABLE r3');
    assert.deepEqual(await found(), ['dropped r r3: undefined undefined undefined']);
  });

  test(`PostgreSQL ${major}: a partition that is being detached has left, whether that ends or not`, async () => {
    await using database = await freshDatabase(major);
    const { client, url } = database;
    await client.query(TABLES);
    const { signal } = new AbortController();
    await using session = new SqlSession({ source: 'main', url });
    const patterns = compileTablePatterns(['public.*']);
    const watch = new PartitionWatch([], null);
    const list = async (): Promise<readonly string[]> => {
      watch.listed(await listPartitions(session, patterns, watch.known, signal), '');
      return [...watch.passed('F')].map(({ mark }) => textOf(mark)).toSorted();
    };
    await list();
    const before = (await fingerprintPartitions(session, signal)).fingerprint;
    const reader = await database.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM r');
    await client.query(`SET statement_timeout = '300ms'`);
    await assert.rejects(client.query('ALTER TABLE r DETACH PARTITION r3 CONCURRENTLY'));
    await client.query(`RESET statement_timeout`);
    assert.notEqual((await fingerprintPartitions(session, signal)).fingerprint, before);
    assert.deepEqual(await list(), ['detached r r3: r r3 FOR VALUES IN (3)']);
    await reader.query('COMMIT');
    await client.query('ALTER TABLE r DETACH PARTITION r3 FINALIZE');
    assert.deepEqual(await list(), []);
  });
}

test('a partition whose name has no UTF-8 is listed beside the others', async () => {
  await using database = await freshDatabase(18, 'WIN1252');
  const { client, url } = database;
  await client.query(`CREATE TABLE r (id int, t text) PARTITION BY LIST (t);
    CREATE TABLE r1 PARTITION OF r FOR VALUES IN ('a');
    DO $$ BEGIN EXECUTE format('CREATE TABLE %I PARTITION OF r FOR VALUES IN (%L)',
      convert_from('\\xfc8164', 'WIN1252'), convert_from('\\x81', 'WIN1252')); END $$`);
  const { signal } = new AbortController();
  await using session = new SqlSession({ source: 'main', url });
  const list = await listPartitions(session, compileTablePatterns(['public.*']), [], signal);
  const bounds = new Map(
    list.partitions.map(({ partition, links }) => [partition.name, links?.[0]?.bounds]),
  );
  assert.deepEqual(
    bounds,
    new Map([
      ['r1', `FOR VALUES IN ('a')`],
      ['\\xfc\\x81d', null],
    ]),
  );
});
