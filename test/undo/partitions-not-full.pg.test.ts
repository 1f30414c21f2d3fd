/** Which partitions stand in the way of an undo, and the statements that work when pasted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undoFixture } from './fixture.ts';

test('partitions without full identity are named, with the statements for each', async () => {
  await using at = await undoFixture(`
    CREATE TABLE "Ev s" (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
    ALTER TABLE "Ev s" REPLICA IDENTITY FULL;
    CREATE TABLE "ev""1" PARTITION OF "Ev s" FOR VALUES IN (1);
    CREATE TABLE ev_2 PARTITION OF "Ev s" FOR VALUES IN (2); ALTER TABLE ev_2 REPLICA IDENTITY FULL;
    CREATE TABLE below PARTITION OF "Ev s" FOR VALUES IN (3, 4) PARTITION BY LIST (day);
    CREATE TABLE ev_3 PARTITION OF below FOR VALUES IN (3);
    INSERT INTO "Ev s" VALUES (1, 1, 'a'), (3, 3, 'c')`);
  const transaction = await at.change(`DELETE FROM "Ev s"`);
  const [ready, ...others] = (await at.plan({ transaction })).notReady;
  assert.deepEqual(others, []);
  assert.equal(ready?.table, 'public.Ev s');
  assert.match(ready.message, /partitions public\.ev"1.*, public\.ev_3.* without whole old rows/);
  assert.doesNotMatch(ready.message, /ev_2|below/);
  assert.match(ready.since ?? '', /^20\d\d-/);
  assert.equal(
    ready.hint,
    `ALTER TABLE "public"."ev""1" REPLICA IDENTITY FULL;\nALTER TABLE "public"."ev_3" REPLICA IDENTITY FULL;`,
  );
  await at.database.client.query(ready.hint);
  await at.change(`INSERT INTO "Ev s" VALUES (1, 1, 'a'), (3, 3, 'c')`);
  const again = await at.change(`UPDATE "Ev s" SET v = 'x'`);
  const mended = await at.plan({ transaction: again });
  assert.deepEqual(mended.notReady, []);
  assert.equal((await at.apply({ transaction: again })).total, 2);
  assert.deepEqual(await at.rows('SELECT v FROM "Ev s" ORDER BY id'), ['(a)', '(c)']);
});

test('one partition, and a plain table whose name has to be quoted', async () => {
  await using at = await undoFixture(`
    CREATE TABLE h (id int PRIMARY KEY) PARTITION BY HASH (id); ALTER TABLE h REPLICA IDENTITY FULL;
    CREATE TABLE h_0 PARTITION OF h FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TABLE "Two words" (id int PRIMARY KEY)`);
  const transaction = await at.change(
    `INSERT INTO h VALUES (1); INSERT INTO "Two words" VALUES (1)`,
  );
  const found = (await at.plan({ transaction })).notReady;
  const hints = Object.fromEntries(found.map(({ table, hint }) => [table, hint]));
  assert.deepEqual(hints, {
    'public.Two words': 'ALTER TABLE "public"."Two words" REPLICA IDENTITY FULL;',
    'public.h': 'ALTER TABLE "public"."h_0" REPLICA IDENTITY FULL;',
  });
  assert.match(
    found.find(({ table }) => table === 'public.h')?.message ?? '',
    /partition public\.h_0/,
  );
});
