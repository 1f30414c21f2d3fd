/** Rows without a key that were changed more than once: what belongs together goes back together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comesBack, create, runScript, scriptOf, state } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

test('a row that was changed on since is a conflict, however often it was changed before', async () => {
  await using at = await undoFixture('');
  for (const changes of [
    `UPDATE bag SET v = 'b' WHERE v = 'a'; UPDATE bag SET v = 'c' WHERE v = 'b'`,
    `UPDATE bag SET v = 'c' WHERE v = 'a'; UPDATE bag SET v = v WHERE v = 'c'`,
    `UPDATE bag SET v = 'x' WHERE v = 'a'; UPDATE bag SET v = 'y'; UPDATE bag SET v = 'z'; UPDATE bag SET v = 'c'`,
  ]) {
    await create(at, `CREATE TABLE bag (v text UNIQUE); INSERT INTO bag VALUES ('a')`);
    const transaction = await at.change(changes);
    await at.change(`UPDATE bag SET v = 'd'`);
    const now = await state(at);
    const result = await at.apply({ transaction });
    assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'changed-later': 1 }]);
    const skipped = await at.apply({ transaction }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total], [true, 0]);
    assert.deepEqual(await state(at), now, changes);
  }
});

test('a row that was changed twice is one change for those that refer to it', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE bag (code text UNIQUE, v int);
     CREATE TABLE k (id int PRIMARY KEY, code text REFERENCES bag (code) ON UPDATE CASCADE ON DELETE CASCADE);
     CREATE TABLE m (k int REFERENCES k ON DELETE CASCADE);
     INSERT INTO bag VALUES ('a', 1), ('b', 2), (NULL, 3); INSERT INTO k VALUES (1, 'a'), (2, 'b'); INSERT INTO m VALUES (1), (2);`,
  );
  await comesBack(
    at,
    `UPDATE bag SET code = 'x' WHERE v = 1; UPDATE bag SET code = 'y', v = 9 WHERE v = 1`,
  );
  await comesBack(
    at,
    `UPDATE bag SET v = 5 WHERE v = 1; UPDATE bag SET code = 'z' WHERE v = 5; UPDATE bag SET v = 1 WHERE v = 5`,
  );
});

test('a row that came and was changed, and one that was changed and went', async () => {
  await using at = await undoFixture('');
  await create(at, `CREATE TABLE bag (v text); INSERT INTO bag VALUES ('a'), ('a'), ('b')`);
  await comesBack(at, `INSERT INTO bag VALUES ('n'); UPDATE bag SET v = 'm' WHERE v = 'n'`);
  await comesBack(
    at,
    `UPDATE bag SET v = 'c' WHERE v = 'b'; DELETE FROM bag WHERE v = 'c'; UPDATE bag SET v = 'b' WHERE v = 'a'`,
  );
  const before = await state(at);
  const transaction = await at.change(
    `INSERT INTO bag VALUES ('n'); UPDATE bag SET v = 'm' WHERE v = 'n'`,
  );
  await at.change(`DELETE FROM bag WHERE v = 'm'`);
  const result = await at.apply({ transaction });
  assert.deepEqual([result.applied, result.total, result.tables[0]?.already], [true, 0, 1]);
  await runScript(at, await scriptOf(at, transaction));
  assert.deepEqual(await state(at), before);
});
