/** Parents and children that are found by other columns than the key, or by computed ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comesBack, create, state } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

test('the key of a parent changed, and its children refer to another column', async () => {
  await using at = await undoFixture('');
  for (const action of ['CASCADE', 'SET NULL', 'RESTRICT', 'NO ACTION']) {
    await create(
      at,
      `CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE NOT NULL);
       CREATE TABLE k (id int PRIMARY KEY, code text REFERENCES p (code) ON DELETE ${action});
       INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO k VALUES (1, 'b'), (2, 'b');`,
    );
    const before = await state(at);
    const transaction = await at.change('UPDATE p SET id = 9 WHERE id = 2');
    const result = await at.apply({ transaction });
    assert.deepEqual([action, result.applied, result.conflicts.list], [action, true, []]);
    assert.deepEqual(await state(at), before, action);
    await comesBack(at, 'UPDATE p SET id = id + 10; UPDATE p SET id = id + 100');
  }
});

test('a table that refers to a unique column of its own', async () => {
  await using at = await undoFixture('');
  for (const action of ['CASCADE', 'SET NULL', 'NO ACTION']) {
    await create(
      at,
      `CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, f int REFERENCES t (u) ON DELETE ${action});
       INSERT INTO t VALUES (1, 1, 1), (2, 2, 1), (3, 3, 2);`,
    );
    await comesBack(
      at,
      `${action === 'NO ACTION' ? 'UPDATE t SET f = NULL WHERE id > 1;' : ''} DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (5, 1, 1)`,
    );
  }
});

test('a key that was written another way, with children that follow it', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     CREATE TABLE p (id text COLLATE ci PRIMARY KEY, v int);
     CREATE TABLE k (id int PRIMARY KEY, f text COLLATE ci REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
     CREATE TABLE q (id numeric PRIMARY KEY, v int);
     CREATE TABLE m (id int PRIMARY KEY, f numeric REFERENCES q ON DELETE CASCADE ON UPDATE SET NULL);
     INSERT INTO p VALUES ('a', 1); INSERT INTO k VALUES (1, 'A');
     INSERT INTO q VALUES (1.0, 1); INSERT INTO m VALUES (1, 1.00);`,
  );
  await comesBack(at, `UPDATE p SET id = 'A' WHERE id = 'a'`);
  await comesBack(at, `UPDATE q SET id = 1.00`);
  await comesBack(at, `UPDATE q SET id = 1.00, v = 2`);
});

test('a computed column that refers, and one that is referred to', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE FUNCTION one(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
     CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN one($1) * 2; END';
     CREATE TABLE p (id int PRIMARY KEY);
     CREATE TABLE k (id int PRIMARY KEY, b int, f int GENERATED ALWAYS AS (b + 1) STORED REFERENCES p ON DELETE CASCADE);
     CREATE TABLE q (id int PRIMARY KEY);
     CREATE TABLE kt (b int, f int GENERATED ALWAYS AS (twice(b)) STORED REFERENCES q);
     CREATE TABLE g (id int PRIMARY KEY, b int, u int GENERATED ALWAYS AS (b * 10) STORED UNIQUE);
     CREATE TABLE c (id int PRIMARY KEY, f int REFERENCES g (u));
     INSERT INTO p VALUES (1), (2), (4); INSERT INTO k VALUES (1, 0), (2, NULL), (3, 3);
     INSERT INTO q VALUES (1), (4); INSERT INTO kt VALUES (2), (NULL);
     INSERT INTO g VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1, 10), (2, NULL);`,
  );
  await comesBack(at, 'DELETE FROM k; DELETE FROM kt; DELETE FROM p; DELETE FROM c; DELETE FROM g');
  await comesBack(at, 'UPDATE k SET b = NULL; DELETE FROM p WHERE id = 1');
  for (const [child, parent] of [
    ['k', 'p'],
    ['kt', 'q'],
  ]) {
    const transaction = await at.change(`DELETE FROM ${child}`);
    const later = await at.change(`DELETE FROM ${parent} WHERE id = 4`);
    const result = await at.apply({ transaction });
    assert.deepEqual(
      [child, result.applied, result.conflicts.byReason],
      [child, false, { 'parent-missing': 1 }],
    );
    assert.equal((await at.apply({ transaction: later })).applied, true);
    assert.equal((await at.apply({ transaction })).applied, true);
  }
  const children = await at.change('DELETE FROM c');
  const moved = await at.change('UPDATE g SET b = 3 WHERE id = 1');
  const result = await at.apply({ transaction: children });
  assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'parent-missing': 1 }]);
  await at.change('INSERT INTO c VALUES (3, 30)');
  const back = await at.apply({ transaction: moved });
  assert.deepEqual([back.applied, back.conflicts.byReason], [false, { 'child-added': 1 }]);
});

test('rows that are left out keep their children, also those that would find another parent', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE p (id int PRIMARY KEY, code text UNIQUE, v int);
     CREATE TABLE k (id int PRIMARY KEY, code text UNIQUE REFERENCES p (code) ON UPDATE CASCADE ON DELETE CASCADE);
     CREATE TABLE m (id int PRIMARY KEY, code text REFERENCES k (code) ON UPDATE CASCADE ON DELETE CASCADE);
     INSERT INTO p VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1); INSERT INTO k VALUES (1, 'a'), (2, 'b'); INSERT INTO m VALUES (1, 'a');`,
  );
  const transaction = await at.change(`UPDATE p SET code = 't' WHERE id = 1;
    UPDATE p SET code = 'a' WHERE id = 2; UPDATE p SET code = 'b' WHERE id = 1; UPDATE p SET v = 2 WHERE id = 3`);
  const result = await at.apply({ transaction }, { onConflict: 'skip' });
  assert.equal(result.applied, true);
  assert.deepEqual(
    await at.rows(
      'SELECT p.id, k.id, m.id FROM p LEFT JOIN k USING (code) LEFT JOIN m USING (code) ORDER BY 1',
    ),
    ['(1,1,1)', '(2,2,)', '(3,,)'],
  );
  assert.deepEqual(await at.rows('SELECT v FROM p WHERE id = 3'), ['(1)']);
});

test('rows that are left out keep their children from another row that has a part of their key', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE p (a int UNIQUE, b int, v text, PRIMARY KEY (a, b));
     CREATE TABLE k (id int PRIMARY KEY, a int REFERENCES p (a) ON DELETE CASCADE ON UPDATE CASCADE);
     CREATE TABLE w (id int PRIMARY KEY, a int, b int, FOREIGN KEY (b, a) REFERENCES p (b, a) ON DELETE CASCADE);
     INSERT INTO p VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three');
     INSERT INTO k SELECT a, a FROM p; INSERT INTO w SELECT a, a, b FROM p`,
  );
  // Of 1 the part is another row's, of 2 the whole key is a new row's, 3 is nobody's.
  const transaction = await at.change(
    `DELETE FROM p; INSERT INTO p VALUES (1, 7, 'new'), (2, 2, 'new')`,
  );
  await at.change(`UPDATE p SET v = 'later'`);
  const result = await at.apply({ transaction }, { onConflict: 'skip' });
  assert.equal(result.applied, true);
  assert.deepEqual(await at.rows('SELECT a, b, v FROM p ORDER BY a'), [
    '(1,7,later)',
    '(2,2,later)',
    '(3,3,three)',
  ]);
  // A row that has the whole key anew counts as the one that had it.
  assert.deepEqual(await at.rows('SELECT id FROM k ORDER BY id'), ['(2)', '(3)']);
  assert.deepEqual(await at.rows('SELECT id FROM w ORDER BY id'), ['(2)', '(3)']);
});
