/** The way back: plan, apply, and undo of the undo. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { undoFixture } from './fixture.ts';

const ACCOUNTS = `
  CREATE TABLE accounts (id int PRIMARY KEY, email text UNIQUE, balance numeric(12,2), note text);
  ALTER TABLE accounts REPLICA IDENTITY FULL;`;

describe('undo', () => {
  test('a DELETE without its WHERE: 159 rows come back, and go again', async () => {
    await using at = await undoFixture(ACCOUNTS);
    await at.change(
      `INSERT INTO accounts SELECT g, 'a' || g || '@x', g / 3.0, E'tab\\t nl\\n \\\\ ' || g FROM generate_series(1, 159) g`,
    );
    const before = await at.rows('SELECT * FROM accounts ORDER BY id');
    const transaction = await at.change('DELETE FROM accounts');

    const plan = await at.plan({ transaction });
    assert.equal(plan.total, 159);
    assert.deepEqual(plan.tables, [
      { table: 'public.accounts', insert: 159, update: 0, delete: 0, already: 0, conflict: 0 },
    ]);
    assert.deepEqual(plan.conflicts, { total: 0, byReason: {}, list: [] });
    assert.deepEqual(plan.sample[0]?.key, { id: 1 });
    assert.equal(plan.sample[0]?.after?.['balance'], '0.33');
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan, 'a plan is plain JSON');
    assert.deepEqual(await at.rows('SELECT * FROM accounts'), [], 'a plan writes nothing');

    const result = await at.undo.applyUndo(plan, { actor: 'ann' }, at.signal);
    assert.equal(result.applied, true);
    assert.equal(result.total, 159);
    assert.deepEqual(await at.rows('SELECT * FROM accounts ORDER BY id'), before);

    const undone = result.transaction ?? '';
    await at.logged(undone);
    const [logged] = await at.log.transactionsById(undone);
    const context = JSON.parse(logged?.context ?? '{}') as Record<string, Record<string, unknown>>;
    assert.equal(context['actor'], 'ann');
    assert.equal(context['undoOf']?.['transaction'], transaction);

    const redo = await at.apply({ transaction: undone });
    assert.equal(redo.total, 159);
    assert.deepEqual(await at.rows('SELECT * FROM accounts'), []);
  });

  test('inserts, updates and deletes of one transaction go back to what was', async () => {
    await using at = await undoFixture(ACCOUNTS);
    await at.change(`INSERT INTO accounts SELECT g, 'a' || g, g, 'n' FROM generate_series(1, 9) g`);
    const before = await at.rows('SELECT * FROM accounts ORDER BY id');
    const transaction = await at.change(`
      UPDATE accounts SET balance = balance + 1 WHERE id <= 4;
      DELETE FROM accounts WHERE id IN (2, 5);
      INSERT INTO accounts VALUES (20, 'new', 1, null), (2, 'a2 again', 7, null);
      UPDATE accounts SET id = 30 WHERE id = 6;
      UPDATE accounts SET id = 31, note = 'moved' WHERE id = 20;
      INSERT INTO accounts VALUES (40, 'gone', 1, null);
      DELETE FROM accounts WHERE id = 40;`);
    const changed = await at.rows('SELECT * FROM accounts ORDER BY id');
    const plan = await at.plan({ transaction });
    assert.deepEqual(plan.tables, [
      { table: 'public.accounts', insert: 2, update: 4, delete: 2, already: 0, conflict: 0 },
    ]);
    const result = await at.apply({ transaction });
    assert.equal(result.applied, true);
    assert.deepEqual(await at.rows('SELECT * FROM accounts ORDER BY id'), before);
    await at.apply({ transaction: result.transaction ?? '' });
    assert.deepEqual(await at.rows('SELECT * FROM accounts ORDER BY id'), changed);
  });

  test('an undo that is repeated does nothing', async () => {
    await using at = await undoFixture(ACCOUNTS);
    await at.change(`INSERT INTO accounts VALUES (1, 'a', 1, null), (2, 'b', 2, null)`);
    const transaction = await at.change(
      `DELETE FROM accounts WHERE id = 1; UPDATE accounts SET balance = 9`,
    );
    const plan = await at.plan({ transaction });
    const first = await at.undo.applyUndo(plan, {}, at.signal);
    assert.equal(first.total, 2);
    const again = await at.undo.applyUndo(plan, {}, at.signal);
    assert.deepEqual([again.applied, again.total, again.transaction], [true, 0, null]);
    assert.equal(again.tables[0]?.already, 2);
  });

  test('rows that exchanged unique values exchange them back', async () => {
    await using at = await undoFixture(
      `${ACCOUNTS} CREATE TABLE refs (id int PRIMARY KEY, a int REFERENCES accounts);`,
    );
    await at.change(`INSERT INTO accounts SELECT g, 'a' || g, g, 'n' FROM generate_series(1, 30) g;
      INSERT INTO refs SELECT g, g FROM generate_series(1, 30) g`);
    const before = await at.rows('SELECT * FROM accounts ORDER BY id');
    const transaction = await at.change(`
      UPDATE accounts SET email = NULL WHERE id IN (1, 3, 5);
      UPDATE accounts SET email = 'a1' WHERE id = 2; UPDATE accounts SET email = 'a2' WHERE id = 1;
      UPDATE accounts SET email = 'a3' WHERE id = 4;
      UPDATE accounts SET email = 'x' || id WHERE id > 10;
      UPDATE accounts SET email = 'a' || (id - 1) WHERE id > 11;`);
    const plan = await at.plan({ transaction });
    assert.equal(plan.conflicts.total, 0);
    assert.deepEqual(plan.tables[0], {
      table: 'public.accounts',
      insert: 0,
      update: 25,
      delete: 0,
      already: 0,
      conflict: 0,
    });
    const result = await at.apply({ transaction });
    assert.equal(result.total, 25);
    assert.deepEqual(await at.rows('SELECT * FROM accounts ORDER BY id'), before);
    await at.apply({ transaction: result.transaction ?? '' });
    assert.deepEqual(await at.rows('SELECT email FROM accounts WHERE id < 6 ORDER BY id'), [
      '(a2)',
      '(a1)',
      '()',
      '(a3)',
      '()',
    ]);
  });
});
