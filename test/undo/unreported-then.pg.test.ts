import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undoFixture } from './fixture.ts';

const WARNING = /^For a part of this time (.*) reported no updates and deletes: if there were some/;

test('updates and deletes that were not reported at the time are told', async (t) => {
  await using fixture = await undoFixture(
    `CREATE TABLE t (id int); CREATE TABLE whole (id int PRIMARY KEY);
     ALTER TABLE whole REPLICA IDENTITY FULL;
     CREATE TABLE p (id int) PARTITION BY LIST (id); ALTER TABLE p REPLICA IDENTITY FULL;
     CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
     CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2); ALTER TABLE p_2 REPLICA IDENTITY FULL`,
  );
  const { client } = fixture.database;
  const told = async (request: Parameters<typeof fixture.plan>[0]): Promise<string | null> => {
    const { warnings } = await fixture.plan(request);
    return warnings.flatMap((text) => WARNING.exec(text)?.[1] ?? [])[0] ?? null;
  };
  await fixture.change('INSERT INTO t VALUES (1), (2); INSERT INTO p VALUES (1), (2)');
  await fixture.log.refresh();
  const since = fixture.log.head;
  await client.query('DELETE FROM t; DELETE FROM p WHERE id = 1');
  const among = await fixture.change('INSERT INTO whole VALUES (1); INSERT INTO t VALUES (3)');
  await client.query('ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE p_1 REPLICA IDENTITY FULL');
  await fixture.change('INSERT INTO t VALUES (4); INSERT INTO p VALUES (1)');
  await fixture.log.refresh();
  const later = fixture.log.head;
  const last = await fixture.change('INSERT INTO t VALUES (5); INSERT INTO p VALUES (1)');

  await t.test('a table that reports whole old rows by now', async () => {
    assert.equal(await told({ tables: ['public.t'], since }), 'public.t');
  });
  await t.test('a partition, and not the one beside it', async () => {
    assert.match((await told({ tables: ['public.p'], since })) ?? '', /^partition public\.p_1/);
  });
  await t.test('a single transaction of that time', async () => {
    assert.match((await told({ transaction: among })) ?? '', /public\.t/);
  });
  await t.test('not of a time when everything was reported', async () => {
    assert.equal(await told({ tables: ['public.*'], since: later }), null);
    assert.equal(await told({ transaction: last }), null);
    assert.equal(await told({ tables: ['public.whole'], since }), null);
  });
});
