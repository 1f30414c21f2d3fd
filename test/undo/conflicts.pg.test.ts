/** What stands against an undo: each reason, and each way of dealing with it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UndoConflict, UndoPlan } from '../../src/undo/undo-plan.ts';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { until } from '../support/until.ts';
import { undoFixture } from './fixture.ts';

const TABLES = `
  CREATE TABLE parents (id int PRIMARY KEY, name text, code text);
  CREATE UNIQUE INDEX parents_code ON parents (lower(code)) WHERE code <> 'none';
  CREATE TABLE children (
    id int PRIMARY KEY, parent int REFERENCES parents, email text UNIQUE, note text);
  ALTER TABLE parents REPLICA IDENTITY FULL;
  ALTER TABLE children REPLICA IDENTITY FULL;
  INSERT INTO parents VALUES (1, 'one', 'A'), (2, 'two', 'B'), (3, 'three', 'none'), (4, 'four', 'none');
  INSERT INTO children VALUES (1, 1, 'a@x', null), (2, 1, 'b@x', null), (3, 2, 'c@x', null);`;

const EVERYTHING = `SELECT 'p' AS t, p::text FROM parents p UNION ALL SELECT 'c', c::text FROM children c ORDER BY 1, 2`;

function only(plan: UndoPlan): UndoConflict {
  assert.equal(plan.conflicts.list.length, 1, JSON.stringify(plan.conflicts));
  const [conflict] = plan.conflicts.list;
  assert.ok(conflict !== undefined);
  assert.ok(conflict.hint.length > 10, 'it says what to do');
  return conflict;
}

describe('conflicts', () => {
  test('a row changed later: by whom, and refuse, skip, force, cascade', async () => {
    await using at = await undoFixture(TABLES);
    const first = await at.change(`UPDATE children SET note = 'wrong'`);
    const later = await at.change(`
      SELECT pg_logical_emit_message(true, 'tidings', '{"actor": "bob"}');
      UPDATE children SET email = 'later@x' WHERE id = 2`);
    const plan = await at.plan({ transaction: first });
    const conflict = only(plan);
    assert.equal(conflict.reason, 'changed-later');
    assert.deepEqual(conflict.key, { id: 2 });
    assert.equal(conflict.transaction?.id, later);
    assert.equal(conflict.transaction?.actor, 'bob');
    assert.match(
      conflict.message,
      new RegExp(`id=2 was changed later \\(transaction ${later}.*bob`),
    );
    const before = await at.rows(EVERYTHING);

    const refused = await at.apply({ transaction: first });
    assert.deepEqual([refused.applied, refused.total, refused.conflicts.total], [false, 0, 1]);
    assert.deepEqual(await at.rows(EVERYTHING), before, 'nothing was changed');

    const skipped = await at.apply({ transaction: first }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total, skipped.skipped], [true, 2, 1]);
    assert.deepEqual(await at.rows('SELECT id, note, email FROM children ORDER BY id'), [
      '(1,,a@x)',
      '(2,wrong,later@x)',
      '(3,,c@x)',
    ]);
    const cascaded = await at.apply({ transaction: first }, { onConflict: 'cascade' });
    assert.deepEqual([cascaded.applied, cascaded.total, cascaded.cascaded], [true, 1, 1]);
    assert.deepEqual(await at.rows('SELECT id, note, email FROM children WHERE id = 2'), [
      '(2,,b@x)',
    ]);
  });

  test('force overwrites what was changed, deleted or put there later', async () => {
    await using at = await undoFixture(TABLES);
    const before = await at.rows('SELECT * FROM children ORDER BY id');
    const first = await at.change(`
      UPDATE children SET note = 'wrong' WHERE id < 3; DELETE FROM children WHERE id = 3;
      INSERT INTO children VALUES (9, 1, 'z@x', null)`);
    await at.change(`
      UPDATE children SET note = 'later' WHERE id IN (1, 9); DELETE FROM children WHERE id = 2;
      INSERT INTO children VALUES (3, 1, 'new@x', 'new')`);
    const plan = await at.plan({ transaction: first });
    assert.deepEqual(plan.conflicts.byReason, { 'changed-later': 3, 're-created': 1 });
    const forced = await at.apply({ transaction: first }, { onConflict: 'force' });
    assert.deepEqual([forced.applied, forced.forced], [true, 4]);
    assert.deepEqual(await at.rows('SELECT * FROM children ORDER BY id'), before);
  });

  test('a row re-created; a change in between that was not selected', async () => {
    await using at = await undoFixture(TABLES);
    const deleted = await at.change('DELETE FROM children WHERE id = 1');
    const again = await at.change(`INSERT INTO children VALUES (1, 2, 'again@x', null)`);
    const conflict = only(await at.plan({ transaction: deleted }));
    assert.equal(conflict.reason, 're-created');
    assert.equal(conflict.transaction?.id, again);

    const since = at.log.head;
    await at.change(`UPDATE children SET note = '1' WHERE id = 2`);
    await at.change(`
      SELECT pg_logical_emit_message(true, 'tidings', '{"actor": "eve"}');
      UPDATE children SET note = '2' WHERE id = 2`);
    await at.change(`UPDATE children SET note = '3' WHERE id = 2`);
    const request = {
      tables: ['public.children'],
      since,
      where: `after.note != '2'`,
    };
    const between = await at.plan(request);
    assert.equal(only(between).reason, 'changed-later');
    const cascaded = await at.apply(request, { onConflict: 'cascade' });
    assert.deepEqual([cascaded.applied, cascaded.cascaded], [true, 1]);
    assert.deepEqual(await at.rows('SELECT note FROM children WHERE id = 2'), ['()']);
  });

  test('a unique value taken: column, and expression with condition', async () => {
    await using at = await undoFixture(TABLES);
    const deleted = await at.change('DELETE FROM children WHERE id = 1');
    const took = await at.change(`INSERT INTO children VALUES (7, 2, 'a@x', null)`);
    const conflict = only(await at.plan({ transaction: deleted }));
    assert.equal(conflict.reason, 'unique-taken');
    assert.equal(conflict.transaction?.id, took);
    assert.match(conflict.message, /children_email_key.*public\.children id=7/);
    const cascaded = await at.apply({ transaction: deleted }, { onConflict: 'cascade' });
    assert.deepEqual([cascaded.applied, cascaded.total], [true, 2]);
    assert.deepEqual(await at.rows('SELECT id FROM children ORDER BY id'), ['(1)', '(2)', '(3)']);

    const recoded = await at.change(`UPDATE parents SET code = 'none' WHERE id = 1`);
    await at.change(`UPDATE parents SET code = 'a' WHERE id = 4`);
    assert.equal(only(await at.plan({ transaction: recoded })).reason, 'unique-taken');
    const nothing = await at.change(`UPDATE parents SET code = 'x' WHERE id = 3`);
    assert.equal(
      (await at.plan({ transaction: nothing })).conflicts.total,
      0,
      'outside of the index',
    );
  });

  test('what an exclusion constraint forbids: taken by another row, and exchanged', async () => {
    await using at = await undoFixture(`
      CREATE TABLE bookings (id int PRIMARY KEY, room int, days int4range,
        EXCLUDE USING gist (int4range(room, room, '[]') WITH =, days WITH &&) WHERE (room > 0));
      ALTER TABLE bookings REPLICA IDENTITY FULL;`);
    await at.change(
      `INSERT INTO bookings VALUES (1, 1, '[1,5)'), (2, 1, '[5,9)'), (3, 2, '[1,9)'), (4, 0, '[1,9)')`,
    );
    const before = await at.rows('SELECT * FROM bookings ORDER BY id');
    const exchanged = await at.change(`DELETE FROM bookings WHERE id = 1;
      UPDATE bookings SET days = '[1,5)' WHERE id = 2; INSERT INTO bookings VALUES (1, 1, '[5,9)')`);
    assert.equal((await at.plan({ transaction: exchanged })).conflicts.total, 0);
    assert.equal((await at.apply({ transaction: exchanged })).total, 2);
    assert.deepEqual(await at.rows('SELECT * FROM bookings ORDER BY id'), before);

    const deleted = await at.change('DELETE FROM bookings WHERE id IN (3, 4)');
    const took = await at.change(`INSERT INTO bookings VALUES (7, 2, '[8,12)'), (8, 0, '[1,9)')`);
    const conflict = only(await at.plan({ transaction: deleted }));
    assert.deepEqual([conflict.reason, conflict.key], ['unique-taken', { id: 3 }]);
    assert.equal(conflict.transaction?.id, took);
    assert.match(conflict.message, /bookings_.*excl.*public\.bookings id=7/);
    const skipped = await at.apply({ transaction: deleted }, { onConflict: 'skip' });
    assert.deepEqual([skipped.total, skipped.skipped], [1, 1]);
    assert.deepEqual(await at.rows('SELECT id FROM bookings ORDER BY id'), [
      '(1)',
      '(2)',
      '(4)',
      '(7)',
      '(8)',
    ]);
  });

  test('a parent missing, and its way back by cascade', async () => {
    await using at = await undoFixture(TABLES);
    const child = await at.change('DELETE FROM children WHERE id = 3');
    const parent = await at.change('DELETE FROM parents WHERE id = 2');
    const conflict = only(await at.plan({ transaction: child }));
    assert.equal(conflict.reason, 'parent-missing');
    assert.equal(conflict.transaction?.id, parent);
    const result = await at.apply({ transaction: child }, { onConflict: 'cascade' });
    assert.deepEqual([result.applied, result.total], [true, 2]);
    assert.deepEqual(await at.rows('SELECT id, parent FROM children WHERE id = 3'), ['(3,2)']);
  });

  test('a child added: refused, skipped, or undone too', async () => {
    await using at = await undoFixture(TABLES);
    const parent = await at.change(`INSERT INTO parents VALUES (9, 'nine', 'N'), (10, 'ten', 'T')`);
    const child = await at.change(`INSERT INTO children VALUES (9, 9, 'nine@x', null)`);
    const conflict = only(await at.plan({ transaction: parent }));
    assert.deepEqual([conflict.reason, conflict.key], ['child-added', { id: 9 }]);
    assert.equal(conflict.transaction?.id, child);
    assert.equal((await at.apply({ transaction: parent })).applied, false);
    const skipped = await at.apply({ transaction: parent }, { onConflict: 'skip' });
    assert.deepEqual([skipped.total, skipped.skipped], [1, 1]);
    const result = await at.apply({ transaction: parent }, { onConflict: 'cascade' });
    assert.deepEqual([result.applied, result.total], [true, 2]);
    assert.deepEqual(await at.rows('SELECT id FROM parents ORDER BY id'), [
      '(1)',
      '(2)',
      '(3)',
      '(4)',
    ]);
  });

  test('a child that the database would delete along is a conflict, never a loss', async () => {
    await using at = await undoFixture(`
      CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a REPLICA IDENTITY FULL;
      CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
      ALTER TABLE b REPLICA IDENTITY FULL;`);
    const added = await at.change('INSERT INTO a VALUES (1)');
    await at.change('INSERT INTO b VALUES (1, 1)');
    for (const onConflict of ['refuse', 'force'] as const) {
      const result = await at.apply({ transaction: added }, { onConflict });
      assert.equal(result.applied, false, onConflict);
      assert.deepEqual(result.conflicts.byReason, { 'child-added': 1 });
    }
    assert.deepEqual(await at.rows('SELECT * FROM b'), ['(1,1)']);
  });

  test('columns dropped, retyped, renamed and added', async () => {
    await using at = await undoFixture(TABLES);
    await at.change(`UPDATE children SET note = 'a note' WHERE id = 1`);
    const transaction = await at.change('DELETE FROM children WHERE id = 1');
    const { client } = at.database;
    await client.query('ALTER TABLE children ADD COLUMN since date DEFAULT now()');
    const added = await at.plan({ transaction });
    assert.equal(added.conflicts.total, 0);
    assert.match(
      added.warnings.join(),
      /^public\.children was altered since: \+ since \(the log has no change of it since\)\. Columns that the changes did not know keep their values, or get their defaults\.$/,
    );

    await client.query('ALTER TABLE children ALTER COLUMN note TYPE varchar(10)');
    const retyped = only(await at.plan({ transaction }));
    assert.equal(retyped.reason, 'column-retyped');
    assert.match(retyped.message, /note: text, now character varying\(10\)/);

    // Renamed, it is the same column.
    await client.query('ALTER TABLE children RENAME COLUMN note TO remark');
    const renamed = only(await at.plan({ transaction }));
    assert.equal(renamed.reason, 'column-retyped');
    assert.match(renamed.message, /remark: text, now character varying\(10\)/);
    assert.equal((await at.apply({ transaction })).applied, false);

    const forced = await at.apply({ transaction }, { onConflict: 'force' });
    assert.equal(forced.applied, true);
    assert.deepEqual(await at.rows('SELECT id, parent, email, remark FROM children WHERE id = 1'), [
      '(1,1,a@x,"a note")',
    ]);
    await client.query('ALTER TABLE children DROP COLUMN remark');
    const gone = await at.change('DELETE FROM children WHERE id = 1');
    await client.query('ALTER TABLE children DROP COLUMN email');
    const dropped = only(await at.plan({ transaction: gone }));
    assert.equal(dropped.reason, 'column-dropped');
    const script: string[] = [];
    const plan = await at.plan({ transaction: gone });
    for await (const text of at.undo.undoScript(plan, { onConflict: 'force' }, at.signal)) {
      script.push(text);
    }
    assert.match(
      script.join(''),
      /^-- Values of column email of public\.children are not put back/m,
    );
    const without = await at.apply({ transaction: gone }, { onConflict: 'force' });
    assert.equal(without.applied, true);
    assert.match(without.warnings.join('\n'), /column email of public\.children are not put back/);
    assert.deepEqual(await at.rows('SELECT id, parent FROM children WHERE id = 1'), ['(1,1)']);
    // Dropped and made anew, it is another one of the same name.
    await client.query('ALTER TABLE children ADD COLUMN email text');
    const anew = await at.apply({ transaction: gone }, { onConflict: 'force' });
    assert.deepEqual(anew.warnings, [], 'nothing is written: every row is there');
    await client.query('DELETE FROM children WHERE id = 1');
    const again = await at.apply({ transaction: gone }, { onConflict: 'force' });
    assert.equal(again.total, 1);
    assert.match(again.warnings.join('\n'), /column email of public\.children are not put back/);
  });

  test('a table that is gone', async () => {
    await using at = await undoFixture(TABLES);
    const transaction = await at.change(
      'DELETE FROM children WHERE id < 3; UPDATE parents SET name = code WHERE id = 1',
    );
    await at.database.client.query('DROP TABLE children');
    const plan = await at.plan({ transaction });
    assert.equal(only(plan).reason, 'table-missing');
    assert.deepEqual([plan.total, plan.conflicts.total], [1, 2], 'its rows are in conflict');
    assert.equal((await at.apply({ transaction })).applied, false);
    const skipped = await at.apply({ transaction }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total, skipped.skipped], [true, 1, 2]);
    assert.deepEqual(await at.rows('SELECT name FROM parents WHERE id = 1'), ['(one)']);
  });

  test('a table without full identity: what of it can be undone, and since when not', async () => {
    await using at = await undoFixture(`CREATE TABLE k (id int PRIMARY KEY, v text);
      INSERT INTO k VALUES (1, 'a'), (2, 'b')`);
    const inserted = await at.change(`INSERT INTO k VALUES (3, 'c')`);
    assert.equal((await at.plan({ transaction: inserted })).conflicts.total, 0);
    const transaction = await at.change(
      `UPDATE k SET v = 'x' WHERE id = 1; DELETE FROM k WHERE id = 2`,
    );
    const plan = await at.plan({ transaction });
    assert.deepEqual(plan.conflicts.byReason, { 'identity-not-full': 2 });
    assert.match(plan.notReady[0]?.hint ?? '', /REPLICA IDENTITY FULL/);
    assert.match(plan.notReady[0]?.since ?? '', /^20\d\d-/);
    const result = await at.apply({ transaction });
    assert.equal(result.applied, false);
    const removed = await at.apply({ transaction: inserted });
    assert.deepEqual([removed.applied, removed.total], [true, 1]);
  });

  test('row security and missing rights', async () => {
    const role = `undo_role_${process.pid}`;
    await using at = await undoFixture(
      `${TABLES} CREATE ROLE ${role} LOGIN PASSWORD 'secret';
       GRANT SELECT, INSERT ON children TO ${role}; GRANT SELECT ON parents TO ${role};
       CREATE TABLE owners (id int PRIMARY KEY);
       CREATE TABLE owned (owner int REFERENCES owners ON DELETE CASCADE);
       ALTER TABLE owners REPLICA IDENTITY FULL; ALTER TABLE owned REPLICA IDENTITY FULL;
       GRANT SELECT ON owners, owned TO ${role};`,
      {
        url: (url) => {
          const own = new URL(url);
          own.username = role;
          own.password = 'secret';
          return own.href;
        },
      },
    );
    const { client } = at.database;
    try {
      const transaction = await at.change(`UPDATE children SET note = 'x'`);
      const rights = only(await at.plan({ transaction }));
      assert.equal(rights.reason, 'no-privilege');
      assert.match(rights.hint, /GRANT UPDATE ON "public"\."children" TO/);
      await client.query(`GRANT UPDATE ON children TO ${role};
        GRANT UPDATE, DELETE ON owners TO ${role}; ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
        ALTER TABLE children ENABLE ROW LEVEL SECURITY;
        CREATE POLICY most ON children USING (id <> 2)`);
      const hidden = only(await at.plan({ transaction }));
      assert.deepEqual([hidden.reason, hidden.key], ['row-hidden', { id: 2 }]);
      assert.match(hidden.hint, /BYPASSRLS/);
      const added = await at.change('INSERT INTO owners VALUES (1)');
      await at.change('INSERT INTO owned VALUES (1)');
      const along = only(await at.plan({ transaction: added }));
      assert.equal(along.reason, 'row-hidden', 'the foreign key would delete what is not seen');
      assert.match(along.message, /public\.owned/);
      await client.query(`REVOKE TEMPORARY ON DATABASE ${at.database.name} FROM PUBLIC`);
      await assert.rejects(at.plan({ transaction }), (error) => {
        assert.ok(isTidingsError(error, 'UNDO_TEMPORARY'));
        assert.match(error.hint, new RegExp(`DATABASE "${at.database.name}" TO "${role}"`));
        return true;
      });
      await client.query(`GRANT TEMPORARY ON DATABASE ${at.database.name} TO ${role}`);
      assert.equal((await at.apply({ transaction })).applied, false);
    } finally {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test('a truncate: from the log where it has seen the table empty, else refused', async () => {
    await using at = await undoFixture(TABLES);
    await at.change('TRUNCATE children');
    await at.change(`INSERT INTO children VALUES (5, 1, 'five', null), (6, 1, 'six', null);
      UPDATE children SET note = 'x' WHERE id = 5; DELETE FROM children WHERE id = 6`);
    const second = await at.change('TRUNCATE children');
    const result = await at.apply({ transaction: second });
    assert.deepEqual([result.applied, result.total], [true, 1]);
    assert.deepEqual(await at.rows('SELECT * FROM children'), ['(5,1,five,x)']);
    const unknown = await at.change(
      `INSERT INTO parents VALUES (8, 'eight', 'E'); TRUNCATE parents CASCADE`,
    );
    const plan = await at.plan({ transaction: unknown });
    assert.equal(plan.conflicts.byReason.truncated, 1);
    assert.equal((await at.apply({ transaction: unknown })).applied, false);
  });

  test('a truncate of which the log has some rows: skip counts those that it leaves out', async () => {
    await using at =
      await undoFixture(`CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY);
      ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE u REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (1)`);
    await at.change('INSERT INTO t VALUES (3), (4)');
    const some = await at.change('TRUNCATE t');
    const lost =
      /Of the rows that a truncate of public\.. removed, those that the log does not have/;
    const counts = async (transaction: string): Promise<readonly unknown[]> => {
      const result = await at.apply({ transaction }, { onConflict: 'skip' });
      assert.match(result.warnings.join(), lost);
      return [result.applied, result.total, result.skipped];
    };
    assert.deepEqual(await counts(some), [true, 2, 0]);
    assert.deepEqual(await at.rows('SELECT id FROM t ORDER BY id'), ['(3)', '(4)']);
    await at.change('DELETE FROM t WHERE id = 3; ALTER TABLE t ADD CHECK (id <> 3)');
    assert.deepEqual(await counts(some), [true, 0, 1]);
    assert.deepEqual(await counts(await at.change('TRUNCATE u')), [true, 0, 0]);
  });

  test('values that are equal and not the same are a later change', async () => {
    await using at = await undoFixture(`
      CREATE TABLE n (id int PRIMARY KEY, v numeric, f float8, note text);
      ALTER TABLE n REPLICA IDENTITY FULL; INSERT INTO n VALUES (1, 1, 0, ''), (2, 1, 0, '')`);
    const transaction = await at.change(`UPDATE n SET note = 'x'`);
    await at.change(`UPDATE n SET v = 1.00 WHERE id = 1; UPDATE n SET f = '-0' WHERE id = 2`);
    const plan = await at.plan({ transaction });
    assert.deepEqual(plan.conflicts.byReason, { 'changed-later': 2 });
  });

  test('a table that came to capture later cannot go back beyond that', async () => {
    await using at = await undoFixture(TABLES);
    await at.change(`UPDATE children SET note = '1' WHERE id = 1`);
    const before = at.log.head;
    await at.change(`UPDATE children SET note = '2' WHERE id = 1`);
    await at.database.client.query(
      'CREATE TABLE late (id int PRIMARY KEY, v int); ALTER TABLE late REPLICA IDENTITY FULL',
    );
    await until(async () => {
      const { rows } = await at.database.client.query(
        `SELECT FROM pg_publication_rel WHERE prrelid = 'late'::regclass`,
      );
      return rows.length > 0;
    });
    await at.change('INSERT INTO late VALUES (1, 1)');
    const request = { tables: ['public.late', 'public.children'], to: before };
    const { conflicts, total } = await at.plan(request);
    assert.deepEqual([conflicts.byReason, total], [{ 'table-added': 1 }, 1], 'only that one');
    assert.match(conflicts.list[0]?.message ?? '', /^public\.late was made, or added/);
    assert.equal((await at.apply(request)).applied, false);
    assert.equal((await at.apply(request, { onConflict: 'skip' })).total, 1);
    assert.deepEqual(await at.rows('SELECT id FROM late'), ['(1)']);
  });
});
