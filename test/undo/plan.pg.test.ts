/** A plan says what would be written, and what would not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OnConflict, UndoRow, UndoTable } from '../../src/undo/undo-plan.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

const TABLES = `
  CREATE TABLE parents (id int PRIMARY KEY, name text);
  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents, v int);
  CREATE TABLE bag (v int);
  ALTER TABLE parents REPLICA IDENTITY FULL; ALTER TABLE children REPLICA IDENTITY FULL;
  ALTER TABLE bag REPLICA IDENTITY FULL;
  INSERT INTO parents SELECT g, 'p' FROM generate_series(1, 5) g;
  INSERT INTO children SELECT g, g, 0 FROM generate_series(1, 5) g;
  INSERT INTO bag VALUES (1), (2)`;

async function accident(at: UndoFixture): Promise<string> {
  const transaction = await at.change(`
    DELETE FROM children; DELETE FROM parents WHERE id < 3; UPDATE parents SET name = 'wrong';
    UPDATE bag SET v = v + 10`);
  await at.change(`INSERT INTO parents VALUES (1, 'new'); UPDATE parents SET name = 'later' WHERE id = 4;
    UPDATE parents SET id = 50 WHERE id = 5; DELETE FROM bag WHERE v = 11`);
  return transaction;
}

const COUNTS = { insert: 0, update: 0, delete: 0, already: 0, conflict: 0 };

async function planned(
  at: UndoFixture,
  request: { readonly transaction: string; readonly tables?: readonly string[] },
  onConflict: OnConflict,
): Promise<{ readonly tables: Readonly<Record<string, UndoTable>>; readonly rows: UndoRow[] }> {
  const plan = await at.undo.planUndo(request, { onConflict }, at.signal);
  assert.equal(plan.onConflict, onConflict);
  const written = plan.tables.reduce((sum, t) => sum + t.insert + t.update + t.delete, 0);
  assert.equal(plan.total, written);
  const rows: UndoRow[] = [];
  for await (const row of at.undo.undoRows(plan, at.signal)) rows.push(row);
  assert.equal(rows.filter(({ conflict }) => !conflict).length, plan.total, 'each row is marked');
  const sampled = plan.sample.filter(({ table }) => table === 'public.parents');
  const marks = new Map(rows.map((row) => [JSON.stringify([row.table, row.key]), row.conflict]));
  for (const row of sampled) {
    assert.equal(row.conflict, marks.get(JSON.stringify([row.table, row.key])));
  }
  return { tables: Object.fromEntries(plan.tables.map((table) => [table.table, table])), rows };
}

describe('a plan with conflicts', () => {
  test('counts what would be written, and rows in conflict apart, for the way that was chosen', async () => {
    await using at = await undoFixture(TABLES);
    const request = {
      transaction: await accident(at),
      tables: ['public.parents', 'public.children'],
    };
    const before = await at.rows('SELECT * FROM parents ORDER BY id');

    const refused = await planned(at, request, 'refuse');
    assert.deepEqual(refused.tables, {
      'public.children': { ...COUNTS, table: 'public.children', insert: 5 },
      'public.parents': { ...COUNTS, table: 'public.parents', insert: 1, update: 1, conflict: 3 },
    });
    const conflicts = refused.rows.filter(({ conflict }) => conflict);
    assert.deepEqual(conflicts.map(({ table, key }) => `${table} ${JSON.stringify(key)}`).sort(), [
      'public.parents {"id":1}',
      'public.parents {"id":4}',
      'public.parents {"id":5}',
    ]);

    const skip = await planned(at, request, 'skip');
    assert.deepEqual(skip.tables, {
      ...refused.tables,
      // Its parent stays away.
      'public.children': { ...COUNTS, table: 'public.children', insert: 4, conflict: 1 },
    });
    assert.equal(skip.rows.length, 6);

    const force = await planned(at, request, 'force');
    assert.deepEqual(force.tables, {
      'public.children': { ...COUNTS, table: 'public.children', insert: 5 },
      'public.parents': { ...COUNTS, table: 'public.parents', insert: 2, update: 3 },
    });
    const cascade = await planned(at, request, 'cascade');
    assert.deepEqual(cascade.tables['public.parents'], {
      ...COUNTS,
      table: 'public.parents',
      insert: 2,
      update: 3,
      delete: 1,
    });
    assert.deepEqual(
      await at.rows('SELECT * FROM parents ORDER BY id'),
      before,
      'nothing is written',
    );

    const result = await at.apply(request, { onConflict: 'skip' });
    assert.equal(result.total, 6, 'what the plan said');
  });

  test('a table without a key is in conflict as a whole', async () => {
    await using at = await undoFixture(TABLES);
    const request = { transaction: await accident(at), tables: ['public.bag'] };
    const { tables } = await planned(at, request, 'skip');
    assert.deepEqual(tables['public.bag'], { ...COUNTS, table: 'public.bag', conflict: 4 });
    assert.equal((await at.apply(request, { onConflict: 'skip' })).total, 0);
  });

  test('rows that the log does not know are in conflict too', async () => {
    await using at = await undoFixture(
      'CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2)',
    );
    const transaction = await at.change('DELETE FROM t; INSERT INTO t VALUES (3, 3)');
    const { tables } = await planned(at, { transaction }, 'refuse');
    assert.deepEqual(tables, {
      'public.t': { ...COUNTS, table: 'public.t', delete: 1, conflict: 2 },
    });
  });

  test('a script follows the way that was chosen', async () => {
    await using at = await undoFixture(TABLES);
    const request = { transaction: await accident(at), tables: ['public.parents'] };
    const plan = await at.plan(request);
    let script = '';
    const pieces = at.undo.undoScript(plan, { onConflict: 'skip' }, at.signal);
    for await (const piece of pieces) script += piece;
    await at.database.client.query(script);
    assert.deepEqual(await at.rows('SELECT * FROM parents ORDER BY id'), [
      '(1,new)',
      '(2,p)',
      '(3,p)',
      '(4,later)',
      '(50,wrong)',
    ]);
  });
});
