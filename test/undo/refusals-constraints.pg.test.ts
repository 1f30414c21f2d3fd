/** Rows that a table would not take back: known in the plan, with the row. And rules, and tables without columns. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { undoFixture } from './fixture.ts';

describe('what the table has come to forbid since', () => {
  test('a check: the rows that break it are conflicts, and the others go back', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v int, twice int GENERATED ALWAYS AS (v * 2) STORED);
      CREATE TABLE bag (v int); ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE bag REPLICA IDENTITY FULL;
      INSERT INTO t SELECT g, g FROM generate_series(1, 6) g; INSERT INTO bag VALUES (1), (-1)`);
    const transaction = await at.change(
      'UPDATE t SET v = 0 WHERE id < 4; DELETE FROM t WHERE id >= 4; DELETE FROM bag',
    );
    const { client } = at.database;
    await client.query(`
      CREATE FUNCTION small(int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN is_small($1); END $$;
      CREATE FUNCTION is_small(int) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 < 5';
      ALTER TABLE t ADD CONSTRAINT v_small CHECK (small(v)) NOT VALID;
      ALTER TABLE t ADD CONSTRAINT twice_ok CHECK (twice <> 4);
      ALTER TABLE t ADD CONSTRAINT not_asked CHECK (v > 100) NOT ENFORCED;
      ALTER TABLE t ADD CONSTRAINT itself CHECK (tableoid <> 0 AND v IS NOT NULL OR id > 0);
      ALTER TABLE bag ADD CONSTRAINT positive CHECK (v > 0)`);
    const plan = await at.plan({ transaction });
    const found = plan.conflicts.list.map(
      ({ table, key, reason }) => `${table} ${JSON.stringify(key)} ${reason}`,
    );
    assert.deepEqual(found.toSorted(), [
      'public.bag null constraint-violated',
      'public.t {"id":2} constraint-violated',
      'public.t {"id":5} constraint-violated',
      'public.t {"id":6} constraint-violated',
    ]);
    const messages = plan.conflicts.list.map(({ message }) => message).join('\n');
    assert.match(messages, /public\.t id=2 .*twice_ok/);
    assert.match(messages, /public\.t id=6 .*v_small/);
    assert.match(messages, /a row of public\.bag .*positive.*\(-1\)/);
    const forced = await at.apply({ transaction }, { onConflict: 'force' });
    assert.equal(forced.applied, false, 'force overwrites rows, and no constraint');
    const skipped = await at.apply({ transaction }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total], [true, 3]);
    assert.deepEqual(await at.rows('SELECT id, v FROM t ORDER BY id'), [
      '(1,1)',
      '(2,0)',
      '(3,3)',
      '(4,4)',
    ]);
    // The statement of the hint is one that works.
    const hint = plan.conflicts.list.find(({ key }) => key?.id === 2)?.hint ?? '';
    const [statement = ''] = /ALTER TABLE [^;]*;/.exec(hint) ?? [];
    await client.query(statement);
    const rest = await at.apply({ transaction }, { onConflict: 'skip' });
    assert.deepEqual([rest.applied, rest.total], [true, 1]);
  });

  test('a column that must have a value, also one that was added; and of one partition', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL;
      CREATE TABLE p (id int, r text, v int, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
      CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a'); CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b');
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_a REPLICA IDENTITY FULL; ALTER TABLE p_b REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, NULL), (2, 2), (3, 3); INSERT INTO p VALUES (1, 'a', NULL), (2, 'b', NULL), (3, 'b', 7)`);
    const transaction = await at.change(
      'UPDATE t SET v = 0 WHERE id < 3; DELETE FROM t WHERE id = 3; DELETE FROM p',
    );
    const { client } = at.database;
    await client.query(`ALTER TABLE t ALTER v SET NOT NULL; ALTER TABLE p_b ALTER v SET NOT NULL;
      ALTER TABLE p_b ADD CHECK (v < 7)`);
    const plan = await at.plan({ transaction });
    const found = plan.conflicts.list.map(({ message }) => message);
    assert.equal(found.length, 3, JSON.stringify(found));
    assert.match(found.join('\n'), /public\.t id=1 .*column v/);
    assert.match(found.join('\n'), /public\.p id=2.* .*column v of public\.p_b/);
    assert.match(found.join('\n'), /public\.p id=3.* .*p_b_v_check/);

    await client.query(
      'ALTER TABLE t ADD COLUMN must int; UPDATE t SET must = 1; ALTER TABLE t ALTER must SET NOT NULL',
    );
    const added = await at.plan({ transaction, tables: ['public.t'] });
    const keys = added.conflicts.list.map(({ key }) => key?.id);
    assert.deepEqual(new Set(keys), new Set([1, 3]));
    const conflict = added.conflicts.list.find(({ key }) => key?.id === 3);
    assert.match(conflict?.message ?? '', /column must/);
    assert.match(
      conflict?.hint ?? '',
      /^ALTER TABLE "public"\."t" ALTER COLUMN "must" DROP NOT NULL; --/,
    );
    const skipped = await at.apply({ transaction }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total], [true, 2]);
    await client.query(conflict?.hint ?? '');
    const rest = await at.apply({ transaction }, { onConflict: 'skip' });
    assert.deepEqual([rest.applied, rest.total], [true, 1]);
  });

  test('a rule that would write something else; rules of other operations are nobody’s concern', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE audit (v text);
      CREATE TABLE soft (id int PRIMARY KEY, gone boolean DEFAULT false);
      ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE soft REPLICA IDENTITY FULL; ALTER TABLE audit REPLICA IDENTITY FULL;
      CREATE RULE noted AS ON UPDATE TO t DO ALSO INSERT INTO audit VALUES (NEW.v);
      CREATE RULE "Kept!" AS ON DELETE TO soft DO INSTEAD UPDATE soft SET gone = true WHERE id = OLD.id;
      CREATE RULE off AS ON INSERT TO soft DO INSTEAD NOTHING; ALTER TABLE soft DISABLE RULE off;
      INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO soft VALUES (1)`);
    const { client } = at.database;
    const deleted = await at.change('DELETE FROM t WHERE id = 1');
    assert.equal((await at.apply({ transaction: deleted })).applied, true, 'an insert has no rule');
    const inserted = await at.change('INSERT INTO soft VALUES (2), (3)');
    const updated = await at.change(`UPDATE t SET v = 'x'`);
    for (const [transaction, reset] of [
      [updated, 'SELECT * FROM audit'],
      [inserted, 'SELECT * FROM soft'],
    ] as const) {
      const before = await at.rows(reset);
      const plan = await at.plan({ transaction });
      assert.deepEqual(Object.keys(plan.conflicts.byReason), ['rewrite-rule']);
      assert.equal((await at.apply({ transaction })).applied, false);
      assert.equal((await at.apply({ transaction }, { onConflict: 'force' })).applied, false);
      assert.deepEqual(await at.rows(reset), before);
      // As the hint says: without the rule, and with it again.
      const hint = plan.conflicts.list[0]?.hint ?? '';
      const [off = '', on = ''] = hint.match(/ALTER TABLE [^;]*;/g) ?? [];
      await client.query(off);
      const result = await at.apply({ transaction });
      assert.deepEqual([result.applied, result.conflicts.total], [true, 0]);
      await client.query(on);
    }
    assert.deepEqual(await at.rows('SELECT * FROM soft'), ['(1,f)']);
    const states = await at.rows(
      `SELECT rulename, ev_enabled FROM pg_rewrite WHERE ev_class IN ('t'::regclass, 'soft'::regclass) ORDER BY 1`,
    );
    assert.deepEqual(states, ['(Kept!,O)', '(noted,O)', '(off,D)']);
  });

  test('a table without columns, and one whose columns are all computed', async () => {
    await using at = await undoFixture(`
      CREATE TABLE nothing (); CREATE TABLE computed (n int GENERATED ALWAYS AS (1 + 1) STORED);
      CREATE TABLE became (v int);
      ALTER TABLE nothing REPLICA IDENTITY FULL; ALTER TABLE computed REPLICA IDENTITY FULL;
      ALTER TABLE became REPLICA IDENTITY FULL;
      INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES; INSERT INTO computed DEFAULT VALUES`);
    const counts = (): Promise<readonly string[]> =>
      at.rows('SELECT (SELECT count(*) FROM nothing), (SELECT count(*) FROM computed)');
    const inserted = await at.change(
      'INSERT INTO nothing DEFAULT VALUES; INSERT INTO computed DEFAULT VALUES',
    );
    assert.equal((await at.apply({ transaction: inserted })).total, 2);
    assert.deepEqual(await counts(), ['(2,1)']);
    const deleted = await at.change('DELETE FROM nothing; DELETE FROM computed');
    assert.equal((await at.apply({ transaction: deleted })).total, 3);
    assert.deepEqual(await counts(), ['(2,1)']);

    const dropped = await at.change('INSERT INTO became VALUES (1), (2)');
    await at.database.client.query('ALTER TABLE became DROP COLUMN v');
    const plan = await at.plan({ transaction: dropped });
    assert.deepEqual(Object.keys(plan.conflicts.byReason), ['column-dropped']);
    const forced = await at.apply({ transaction: dropped }, { onConflict: 'skip' });
    assert.deepEqual([forced.applied, forced.total], [true, 0]);
  });
});
