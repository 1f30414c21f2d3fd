/** Undo over a log that was begun by a version which knew no numbers (invariant 14). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UndoPlan, UndoRequest } from '../../src/undo/undo-plan.ts';
import { rowsNow, signal } from '../looking/fixture.ts';
import { type WrittenLog, writtenLog } from '../looking/written-log.ts';
import { asOldLog } from './target-fixture.ts';

const TABLES = `
  CREATE TABLE a (id int PRIMARY KEY, note text); ALTER TABLE a REPLICA IDENTITY FULL;
  CREATE TABLE b (id int PRIMARY KEY, note text); ALTER TABLE b REPLICA IDENTITY FULL;
  INSERT INTO a VALUES (1, 'of a'), (2, 'of a')`;

const plan = (at: WrittenLog, request: UndoRequest): Promise<UndoPlan> =>
  at.undo.planUndo(request, {}, signal);

/** Deletes row 2 of `a`, as an older version wrote it down; then a change with numbers. */
async function deleteThen(at: WrittenLog, alter: string, name: string | null): Promise<string> {
  const id = await at.write('DELETE FROM a WHERE id = 2', {
    changes: [{ relation: 'a', as: asOldLog, before: ['2', 'of a'] }],
  });
  await at.client.query(alter);
  if (name !== null) {
    await at.write(`INSERT INTO ${name} VALUES (9, 'late')`, {
      changes: [{ relation: name, after: ['9', 'late'] }],
    });
  }
  return id;
}

describe('a change of a table whose number a later change tells', () => {
  test('goes back without more ado where nothing was renamed', async () => {
    await using at = await writtenLog(TABLES);
    const id = await deleteThen(at, 'ALTER TABLE a ADD more text', null);
    await at.write(`UPDATE a SET more = 'x' WHERE id = 1`, {
      changes: [{ relation: 'a', before: ['1', 'of a', null], after: ['1', 'of a', 'x'] }],
    });
    const { plan: made, result } = await at.undo.runUndo({ transaction: id }, {}, signal);
    assert.deepEqual(made.conflicts.byReason, {});
    assert.ok(!made.warnings.some((each) => each.includes('numbers')), made.warnings.join());
    assert.equal(result.total, 1);
    assert.deepEqual(await rowsNow(at.client, 'a', 'id, note'), ['["1","of a"]', '["2","of a"]']);
  });

  test('is not put into the one that was made anew', async () => {
    await using at = await writtenLog(TABLES);
    const id = await deleteThen(at, '', 'a');
    await at.client.query('DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, note text)');
    const { conflicts, total } = await plan(at, { transaction: id });
    assert.deepEqual([total, conflicts.byReason], [0, { 'table-missing': 1 }]);
    assert.match(conflicts.list[0]?.message ?? '', /another table has its name now/);
  });

  test('is found under the name that it has now; that it is the one, force says', async () => {
    await using at = await writtenLog(TABLES);
    const id = await deleteThen(at, '', 'a');
    await at.write('ALTER TABLE a RENAME TO c', {});
    await at.write(`INSERT INTO c VALUES (8, 'later')`, {
      changes: [{ relation: 'c', after: ['8', 'later'] }],
    });
    const { conflicts, tables, warnings } = await plan(at, { transaction: id });
    assert.deepEqual(conflicts.byReason, { 'table-uncertain': 1 });
    assert.equal(tables[0]?.table, 'public.c');
    assert.equal(warnings.filter((each) => each.includes('by their numbers')).length, 0);
    assert.match(conflicts.list[0]?.message ?? '', /^public\.c may not be what was changed/);
    await at.undo.runUndo({ transaction: id }, { onConflict: 'force' }, signal);
    assert.deepEqual(await rowsNow(at.client, 'c', 'id'), ['["1"]', '["2"]', '["8"]', '["9"]']);
  });

  test('is left out by itself where it is not certain; what is certain of its table goes back', async () => {
    await using at = await writtenLog(TABLES);
    await deleteThen(at, '', 'a');
    await at.write('ALTER TABLE a RENAME TO c', {});
    await at.write(`UPDATE c SET note = 'x' WHERE id = 1`, {
      changes: [{ relation: 'c', before: ['1', 'of a'], after: ['1', 'x'] }],
    });
    const request = { tables: ['public.a', 'public.c'], since: 0 };
    const { conflicts } = await plan(at, request);
    assert.deepEqual(conflicts.byReason, { 'table-uncertain': 3 });
    const skip = { onConflict: 'skip' as const };
    const { result } = await at.undo.runUndo(request, skip, signal);
    assert.deepEqual([result.total, result.skipped], [2, 1]);
    assert.deepEqual(await rowsNow(at.client, 'c'), ['["1","of a"]']);
  });

  test('takes with it what its foreign key removed, when it was renamed since', async () => {
    await using at = await writtenLog(`${TABLES};
      CREATE TABLE k (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
      ALTER TABLE k REPLICA IDENTITY FULL; INSERT INTO k VALUES (1, 2)`);
    await at.write('DELETE FROM a WHERE id = 2', {
      changes: [
        { relation: 'a', as: asOldLog, before: ['2', 'of a'] },
        { relation: 'k', as: asOldLog, before: ['1', '2'] },
      ],
    });
    await at.write(`INSERT INTO a VALUES (9, 'late')`, {
      changes: [{ relation: 'a', after: ['9', 'late'] }],
    });
    await at.client.query('ALTER TABLE a RENAME TO c');
    const request = { tables: ['public.a'], since: 0, operations: ['delete' as const] };
    const force = { onConflict: 'force' as const };
    const { result } = await at.undo.runUndo(request, force, signal);
    assert.deepEqual([result.applied, result.total], [true, 2]);
    assert.deepEqual(await rowsNow(at.client, 'k'), ['["1","2"]']);
  });

  test('may be of either of two that exchanged names meanwhile', async () => {
    await using at = await writtenLog(TABLES);
    const id = await deleteThen(
      at,
      'ALTER TABLE a RENAME TO x; ALTER TABLE b RENAME TO a; ALTER TABLE x RENAME TO b',
      'a',
    );
    const { conflicts } = await plan(at, { transaction: id });
    assert.deepEqual(conflicts.byReason, { 'table-uncertain': 1 });
    const { result } = await at.undo.runUndo({ transaction: id }, { onConflict: 'skip' }, signal);
    assert.deepEqual([result.total, result.skipped], [0, 1]);
  });
});

const ORD = `
  CREATE TABLE ord (id int PRIMARY KEY, code text NOT NULL, note text, more text) PARTITION BY RANGE (id);
  CREATE TABLE ord_1 PARTITION OF ord FOR VALUES FROM (0) TO (10);
  CREATE TABLE ord_2 PARTITION OF ord FOR VALUES FROM (10) TO (20);
  CREATE UNIQUE INDEX ON ord_2 (code);
  ALTER TABLE ord_1 REPLICA IDENTITY FULL; ALTER TABLE ord_2 REPLICA IDENTITY FULL;
  CREATE TABLE plain (id int PRIMARY KEY, note text); ALTER TABLE plain REPLICA IDENTITY FULL;
  INSERT INTO ord SELECT n, 'c' || n, NULL, NULL FROM generate_series(1, 5) n;
  INSERT INTO plain VALUES (1, NULL)`;
const OLD = { relation: 'ord', as: asOldLog };

describe('an old row that may be no more than a key', () => {
  test('is not known, where its partition may not have had full identity', async () => {
    await using at = await writtenLog('');
    // Made while nobody captures: whether the log has a list of partitions is up to this test.
    await at.client.query(ORD);
    const id = await at.write('DELETE FROM ord WHERE id < 5; DELETE FROM plain', {
      changes: [
        { ...OLD, before: ['1', null, null, null] },
        { ...OLD, before: [null, 'c2', null, null] },
        { ...OLD, before: ['3', 'c3', null, null] },
        { ...OLD, before: ['4', 'c4', 'n', 'm'] },
        { relation: 'plain', as: asOldLog, before: ['1', null] },
      ],
    });
    // Without a list of partitions any table may have had some.
    const unlisted = await plan(at, { transaction: id });
    assert.deepEqual(
      [unlisted.total, unlisted.conflicts.byReason],
      [1, { 'identity-not-full': 4 }],
    );
    await at.write('', { marks: [{ of: 'ord', partition: 'ord_1', kind: 'present' }] });
    const { conflicts, total } = await plan(at, { transaction: id });
    assert.deepEqual([total, conflicts.byReason], [2, { 'identity-not-full': 3 }]);
    await at.undo.runUndo({ transaction: id }, { onConflict: 'skip' }, signal);
    assert.deepEqual(await rowsNow(at.client, 'ord', 'id, more'), ['["4","m"]', '["5",null]']);
  });

  test('is known of an update as well, and of a log that knows its partition', async () => {
    await using at = await writtenLog(ORD);
    const id = await at.write(`UPDATE ord SET note = 'x' WHERE id < 3`, {
      changes: [
        { ...OLD, before: ['1', null, null, null], after: ['1', 'c1', 'x', null] },
        { ...OLD, before: ['2', 'c2', null, null], after: ['2', 'c2', 'x', null] },
      ],
    });
    assert.deepEqual((await plan(at, { transaction: id })).conflicts.byReason, {
      'identity-not-full': 2,
    });
    const of = { relation: 'ord_1', of: 'ord' };
    const other = await at.write('DELETE FROM ord WHERE id = 5', {
      changes: [{ ...of, before: ['5', 'c5', null, null] }],
    });
    assert.deepEqual((await plan(at, { transaction: other })).conflicts.byReason, {});
  });
});

describe('before partitions were watched', () => {
  test('a moment cannot be gone back to, and other undos say what they do not take back', async () => {
    await using at = await writtenLog('');
    // Made while nobody captures, so that the log has no marks of its partitions yet.
    await at.client.query(ORD);
    const start = at.log.head;
    const id = await at.write('DELETE FROM ord WHERE id = 4', {
      changes: [{ ...OLD, before: ['4', 'c4', 'n', 'm'] }],
    });
    const since = at.position();
    await at.write('TRUNCATE ord_2', {
      marks: ['ord_1', 'ord_2'].map((partition) => ({
        of: 'ord',
        partition,
        kind: 'present' as const,
        after: since,
      })),
    });
    const watched = at.log.head;
    const tables = ['public.ord'];
    const { conflicts } = await plan(at, { tables, to: start });
    assert.deepEqual(conflicts.byReason, { 'partition-changed': 1 });
    assert.match(conflicts.list[0]?.hint ?? '', new RegExp(`--to ${watched} is`));
    assert.equal((await plan(at, { tables, to: watched })).conflicts.total, 0);
    for (const request of [{ transaction: id }, { tables, since: start }]) {
      const { conflicts: none, warnings } = await plan(at, request);
      assert.deepEqual(none.byReason, {});
      assert.equal(
        warnings.filter((each) => each.includes('which an older version wrote')).length,
        1,
      );
    }
    const late = await at.write('DELETE FROM ord WHERE id = 5', {
      changes: [{ relation: 'ord_1', of: 'ord', before: ['5', 'c5', null, null] }],
    });
    assert.deepEqual((await plan(at, { transaction: late })).warnings, []);
    const skip = { onConflict: 'skip' as const };
    const { result } = await at.undo.runUndo({ tables, to: start }, skip, signal);
    assert.deepEqual([result.applied, result.total], [true, 2]);
  });
});
