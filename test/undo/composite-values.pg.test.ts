/**
 * Values of composite types as keys and references: `IS NULL` asks for their attributes, so that it is
 * true for a row of nulls, and `IS NOT NULL` is false as soon as one of them is null.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comesBack, create, state } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

const PAIR = 'CREATE TYPE pair AS (x int, y text);';

test('a key whose attributes are all null names a row like any other', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `${PAIR} CREATE DOMAIN twin AS pair; CREATE TABLE t (id pair PRIMARY KEY, v int);
     CREATE TABLE d (n int, id twin, v int, PRIMARY KEY (id, n));
     INSERT INTO t VALUES (ROW(NULL, NULL), 7), (ROW(1, NULL), 7), (ROW(1, 'a'), 7);
     INSERT INTO d SELECT 1, id, v FROM t;`,
  );
  await comesBack(at, 'UPDATE t SET v = -1; UPDATE d SET v = -1');
  await comesBack(at, 'DELETE FROM t; DELETE FROM d');
  await comesBack(at, `UPDATE t SET id = ROW(2, 'b') WHERE (id).y IS NULL AND (id).x IS NULL`);
  await comesBack(at, `DELETE FROM t; INSERT INTO t VALUES (ROW(NULL, NULL), 8)`);
  // What came later is seen.
  const transaction = await at.change('UPDATE t SET v = -1');
  await at.change('UPDATE t SET v = 3 WHERE (id).x IS NULL');
  const now = await state(at);
  const result = await at.apply({ transaction });
  assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'changed-later': 1 }]);
  assert.deepEqual(await state(at), now);
  const gone = await at.change('DELETE FROM d WHERE (id).x IS NULL');
  await at.change('INSERT INTO d VALUES (1, ROW(NULL, NULL), 5)');
  assert.deepEqual((await at.apply({ transaction: gone })).conflicts.byReason, { 're-created': 1 });
});

test('a reference with an attribute that is null refers to a parent', async () => {
  await using at = await undoFixture('');
  for (const value of [`ROW(1, NULL)`, 'ROW(NULL, NULL)', `ROW(1, 'a')`]) {
    await create(
      at,
      `${PAIR} CREATE TABLE p (id pair PRIMARY KEY);
       CREATE TABLE k (id int PRIMARY KEY, f pair REFERENCES p, g pair REFERENCES p ON DELETE CASCADE);
       INSERT INTO p VALUES (${value}); INSERT INTO k VALUES (1, ${value}, NULL), (2, NULL, ${value});`,
    );
    await comesBack(at, 'DELETE FROM k; DELETE FROM p');
    const transaction = await at.change('DELETE FROM k');
    await at.change('DELETE FROM p');
    const result = await at.apply({ transaction });
    assert.deepEqual(
      [result.applied, result.conflicts.byReason],
      [false, { 'parent-missing': 2 }],
      value,
    );
  }
});

test('a column that needs a value, one that was added since, and an index that counts nulls', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `${PAIR} CREATE TABLE n (id int PRIMARY KEY, c pair NOT NULL); INSERT INTO n VALUES (1, ROW(NULL, NULL));
     CREATE TABLE u (id int PRIMARY KEY, c pair, UNIQUE NULLS NOT DISTINCT (c));
     INSERT INTO u VALUES (1, ROW(NULL, NULL)), (2, NULL);
     CREATE TABLE a (id int PRIMARY KEY, v int);`,
  );
  await comesBack(at, 'DELETE FROM n');
  await comesBack(at, 'DELETE FROM u WHERE id = 1');
  await comesBack(at, 'DELETE FROM u WHERE id = 2');
  const transaction = await at.change('INSERT INTO a VALUES (1, 1)');
  await at.change('ALTER TABLE a ADD COLUMN c pair; UPDATE a SET c = ROW(NULL, NULL)');
  const result = await at.apply({ transaction });
  assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'changed-later': 1 }]);
});
