/** What an undo must not take along: halves of rows, and values that it does not know of. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { undoFixture } from './fixture.ts';

describe('nothing is lost', () => {
  test('skip leaves a row that changed its key as a whole: never twice, never nowhere', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')`);
    const moved = await at.change(
      'UPDATE t SET id = id + 100; UPDATE t SET id = id + 100 WHERE id = 101',
    );
    await at.change(`UPDATE t SET v = 'later' WHERE id = 201; INSERT INTO t VALUES (2, 'new')`);
    const result = await at.apply({ transaction: moved }, { onConflict: 'skip' });
    assert.deepEqual([result.applied, result.total, result.skipped], [true, 2, 4]);
    assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), [
      '(2,new)',
      '(3,three)',
      '(102,two)',
      '(201,later)',
    ]);
  });

  test('a value in a column that was added since is never lost with its row', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, u text UNIQUE); ALTER TABLE t REPLICA IDENTITY FULL;
      CREATE TABLE bag (v int); ALTER TABLE bag REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'one'), (2, 'two')`);
    const inserted = await at.change(
      `INSERT INTO t VALUES (8, 'eight'), (9, 'nine'); INSERT INTO bag VALUES (1), (1)`,
    );
    const exchanged = await at.change(`UPDATE t SET u = NULL WHERE id = 1;
      UPDATE t SET u = 'one' WHERE id = 2; UPDATE t SET u = 'two' WHERE id = 1`);
    await at.database.client.query(`
      ALTER TABLE t ADD COLUMN extra text, ADD COLUMN list int[] DEFAULT '{1,2}';
      ALTER TABLE bag ADD COLUMN extra text`);
    const clean = await at.plan({ transaction: inserted });
    assert.deepEqual([clean.total, clean.conflicts.total], [4, 0], 'only what the DDL gave them');
    const set = await at.change(`UPDATE t SET extra = 'x' WHERE id IN (2, 9);
      UPDATE bag SET extra = 'x' WHERE ctid = (SELECT min(ctid) FROM bag)`);
    const plan = await at.plan({ transaction: inserted });
    assert.deepEqual(plan.conflicts.byReason, { 'changed-later': 2 });
    const [conflict] = plan.conflicts.list;
    assert.match(conflict?.message ?? '', /id=9 was changed later.*a value in extra, list, added/);
    assert.equal(conflict?.transaction?.id, set);
    let script = '';
    for await (const piece of at.undo.undoScript(plan, {}, at.signal)) script += piece;
    await assert.rejects(at.database.client.query(script), /has values in columns/);
    await at.database.client.query('ROLLBACK');
    const back = await at.plan({ transaction: exchanged });
    assert.deepEqual(back.conflicts.byReason, { 'unique-taken': 2 });
    const request = { transaction: inserted, tables: ['public.t'] };
    const forced = await at.apply(request, { onConflict: 'force' });
    assert.deepEqual([forced.applied, forced.total, forced.forced], [true, 2, 1]);
    assert.deepEqual(await at.rows('SELECT id, extra FROM t ORDER BY id'), ['(1,)', '(2,x)']);
  });

  test('a change without a net effect stands in nobody’s way, and forced takes nothing back', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')`);
    const transaction = await at.change(`
      UPDATE t SET v = v WHERE id < 3; UPDATE t SET v = 'x' WHERE id = 3; UPDATE t SET v = 'c' WHERE id = 3;
      UPDATE t SET v = 'e' WHERE id = 4`);
    await at.change(`UPDATE t SET v = 'later' WHERE id = 1; DELETE FROM t WHERE id IN (2, 3)`);
    const plan = await at.plan({ transaction });
    assert.deepEqual([plan.conflicts.total, plan.total], [0, 1]);
    const result = await at.apply({ transaction }, { onConflict: 'force' });
    assert.deepEqual([result.applied, result.total, result.forced], [true, 1, 0]);
    assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), ['(1,later)', '(4,d)']);
  });
});
