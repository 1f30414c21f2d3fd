/** Unique indexes that are not simply about columns: what they forbid, and swaps under them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type UndoFixture, undoFixture } from './fixture.ts';

/** Two rows have exchanged values; the undo gives them back, with the same statements as a script. */
async function assertSwapsBack(at: UndoFixture, table: string, swap: string): Promise<void> {
  const state = `SELECT * FROM ${table} ORDER BY id`;
  const before = await at.rows(state);
  const transaction = await at.change(swap);
  const after = await at.rows(state);
  assert.notDeepEqual(after, before);
  const plan = await at.plan({ transaction });
  assert.deepEqual(plan.conflicts.list, [], table);
  const result = await at.apply({ transaction });
  assert.equal(result.applied, true, table);
  assert.deepEqual(await at.rows(state), before, table);

  const again = await at.change(swap);
  let script = '';
  const options = { actor: 'ann' };
  for await (const piece of at.undo.undoScript(
    await at.plan({ transaction: again }),
    options,
    at.signal,
  )) {
    script += piece;
  }
  const client = await at.database.connect();
  await client.query(script);
  await client.end();
  assert.deepEqual(await at.rows(state), before, `${table} by script`);
}

describe('unique indexes', () => {
  test('over generated columns, and over expressions beside them', async () => {
    await using at = await undoFixture(`
      CREATE TABLE g (id int PRIMARY KEY, v text, low text GENERATED ALWAYS AS (lower(v)) STORED UNIQUE);
      CREATE TABLE e (id int PRIMARY KEY, v text, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
      CREATE UNIQUE INDEX e_low ON e (lower(v)) WHERE twice > 0;
      CREATE TABLE x (id int PRIMARY KEY, a int, b int, r int4range GENERATED ALWAYS AS (int4range(a, b)) STORED,
        EXCLUDE USING gist (r WITH &&));
      CREATE TABLE w (id int PRIMARY KEY, v text, n int, twice int GENERATED ALWAYS AS (n * 2) VIRTUAL);
      CREATE UNIQUE INDEX w_low ON w (lower(v));
      ALTER TABLE g REPLICA IDENTITY FULL; ALTER TABLE e REPLICA IDENTITY FULL;
      ALTER TABLE x REPLICA IDENTITY FULL; ALTER TABLE w REPLICA IDENTITY FULL;
      INSERT INTO g VALUES (1, 'A'), (2, 'B'); INSERT INTO e VALUES (1, 'A', 1), (2, 'B', 2), (3, 'a', -1);
      INSERT INTO x VALUES (1, 1, 5), (2, 5, 9); INSERT INTO w VALUES (1, 'A', 1), (2, 'B', 2)`);
    for (const [table, one, other] of [
      ['g', `v = 'A'`, `v = 'B'`],
      ['e', `v = 'A'`, `v = 'B'`],
      ['x', 'a = 1, b = 5', 'a = 5, b = 9'],
    ] as const) {
      const away = table === 'x' ? 'a = 90, b = 99' : `v = 'away'`;
      await assertSwapsBack(
        at,
        table,
        `UPDATE ${table} SET ${away} WHERE id = 1; UPDATE ${table} SET ${one} WHERE id = 2; UPDATE ${table} SET ${other} WHERE id = 1`,
      );
    }
    // What somebody else took is a conflict in the plan, and not an error when it is applied.
    const deleted = await at.change(`DELETE FROM g WHERE id = 1; DELETE FROM e WHERE id IN (1, 3);
      DELETE FROM x WHERE id = 1`);
    await at.change(`INSERT INTO g VALUES (9, 'a'); INSERT INTO e VALUES (9, 'a', 7);
      INSERT INTO x VALUES (9, 4, 5)`);
    const plan = await at.plan({ transaction: deleted });
    assert.deepEqual(plan.conflicts.byReason, { 'unique-taken': 3 });
    const tables = plan.conflicts.list.map(({ table, key }) => `${table} ${JSON.stringify(key)}`);
    assert.deepEqual(tables.toSorted(), [
      'public.e {"id":1}',
      'public.g {"id":1}',
      'public.x {"id":1}',
    ]);
    const skipped = await at.apply({ transaction: deleted }, { onConflict: 'skip' });
    assert.deepEqual([skipped.applied, skipped.total], [true, 1]);
    // Of a table with a column that is computed on reading only inserts can be captured.
    const added = await at.change(`INSERT INTO w VALUES (8, 'c', 1), (9, 'd', 1)`);
    const removed = await at.undo.applyUndo(await at.plan({ transaction: added }), {}, at.signal);
    assert.equal(removed.total, 2);
  });

  test('with a collation, an operator class or nulls of their own, with more columns, deferred', async () => {
    await using at = await undoFixture(`
      CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE c (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX c_v ON c (v COLLATE ci);
      CREATE TABLE d (id int PRIMARY KEY, v text COLLATE ci NOT NULL); CREATE UNIQUE INDEX d_v ON d (v COLLATE "C");
      CREATE TABLE k (v text COLLATE ci NOT NULL, n int); CREATE UNIQUE INDEX k_v ON k (v COLLATE "C");
      CREATE TABLE o (id int PRIMARY KEY, v text, w varchar(9)); CREATE UNIQUE INDEX o_v ON o (v text_pattern_ops, w varchar_pattern_ops);
      CREATE TABLE n (id int PRIMARY KEY, v int, w text); CREATE UNIQUE INDEX n_v ON n (v) NULLS NOT DISTINCT;
      CREATE TABLE i (id int PRIMARY KEY, v int, w text); CREATE UNIQUE INDEX i_v ON i (v) INCLUDE (w, id);
      CREATE TABLE l (id int PRIMARY KEY, v int UNIQUE DEFERRABLE, w text);
      ALTER TABLE c REPLICA IDENTITY FULL; ALTER TABLE d REPLICA IDENTITY FULL; ALTER TABLE k REPLICA IDENTITY FULL;
      ALTER TABLE o REPLICA IDENTITY FULL; ALTER TABLE n REPLICA IDENTITY FULL;
      ALTER TABLE i REPLICA IDENTITY FULL; ALTER TABLE l REPLICA IDENTITY FULL;
      INSERT INTO c VALUES (1, 'a'), (2, 'b'); INSERT INTO d VALUES (1, 'a'), (2, 'A');
      INSERT INTO k VALUES ('a', 1), ('A', 2), ('b', 3);
      INSERT INTO o VALUES (1, 'a', 'x'), (2, 'b', 'x'); INSERT INTO n VALUES (1, NULL), (2, 2);
      INSERT INTO i VALUES (1, 1, 'x'), (2, 2, 'x'); INSERT INTO l VALUES (1, 1), (2, 2)`);
    const swap = (table: string, away: string, one: string, other: string): Promise<void> =>
      assertSwapsBack(
        at,
        table,
        `UPDATE ${table} SET v = ${away} WHERE id = 1; UPDATE ${table} SET v = ${other} WHERE id = 2; UPDATE ${table} SET v = ${one} WHERE id = 1`,
      );
    await swap('c', `'away'`, `'B'`, `'A'`);
    await swap('d', `'away'`, `'A'`, `'a'`);
    await swap('o', `'away'`, `'b'`, `'a'`);
    await swap('n', '99', '2', 'NULL');
    await swap('i', '99', '2', '1');
    await swap('l', '99', '2', '1');

    const deleted = await at.change(`DELETE FROM c WHERE id = 1; DELETE FROM d WHERE id = 1;
      DELETE FROM o WHERE id = 1; DELETE FROM n WHERE id = 1; DELETE FROM i WHERE id = 1; DELETE FROM l WHERE id = 1`);
    await at.change(`INSERT INTO c VALUES (9, 'A'); INSERT INTO d VALUES (9, 'á');
      INSERT INTO o VALUES (9, 'a', 'x'); INSERT INTO n VALUES (9, NULL); INSERT INTO i VALUES (9, 1, 'y');
      INSERT INTO l VALUES (9, 1)`);
    const plan = await at.plan({ transaction: deleted });
    const taken = plan.conflicts.list.map(({ table, reason }) => `${table} ${reason}`);
    assert.deepEqual(
      taken.toSorted(),
      ['c', 'i', 'l', 'n', 'o'].map((table) => `public.${table} unique-taken`),
    );
    const back = await at.apply({ transaction: deleted }, { onConflict: 'cascade' });
    assert.deepEqual([back.applied, back.conflicts.byReason], [true, {}]);

    // Rows that the columns call equal and the index does not: the index cannot name them.
    const before = await at.rows('SELECT * FROM k ORDER BY n');
    const both = await at.change(`UPDATE k SET n = n + 10 WHERE v COLLATE "C" = 'A'`);
    await at.apply({ transaction: both });
    assert.deepEqual(await at.rows('SELECT * FROM k ORDER BY n'), before);
  });

  for (const major of [18, 14] as const)
    test(`with functions that find what they call where the role does, PostgreSQL ${major}`, async () => {
      await using at = await undoFixture(
        `
      CREATE TABLE f (id int PRIMARY KEY, v text, w text); 
      ALTER TABLE f REPLICA IDENTITY FULL;
      CREATE FUNCTION shorten(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT left($1, 1) $$;
      CREATE FUNCTION norm(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN shorten(lower($1)); END $$;
      CREATE FUNCTION norm_sql(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT shorten(lower($1)) $$;
      CREATE UNIQUE INDEX f_norm ON f (norm(v)) WHERE norm(v) <> 'z';
      CREATE TABLE s (id int PRIMARY KEY, v text, short text GENERATED ALWAYS AS (norm_sql(v)) STORED UNIQUE);
      ALTER TABLE s REPLICA IDENTITY FULL;
      INSERT INTO f VALUES (1, 'Ax'), (2, 'Bx'); INSERT INTO s VALUES (1, 'Ax'), (2, 'Bx')`,
        { major },
      );
      for (const table of ['f', 's']) {
        await assertSwapsBack(
          at,
          table,
          `UPDATE ${table} SET v = 'q' WHERE id = 1; UPDATE ${table} SET v = 'a' WHERE id = 2; UPDATE ${table} SET v = 'b' WHERE id = 1`,
        );
        const deleted = await at.change(`DELETE FROM ${table} WHERE id = 1`);
        await at.change(`INSERT INTO ${table} VALUES (9, 'AA')`);
        const plan = await at.plan({ transaction: deleted });
        assert.deepEqual(plan.conflicts.byReason, { 'unique-taken': 1 }, table);
        await at.apply({ transaction: deleted }, { onConflict: 'cascade' });
      }
    });

  test('beside a column that was added since, which it does not look at', async () => {
    await using at = await undoFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v text, n int, g int GENERATED ALWAYS AS (n + 1) STORED); CREATE UNIQUE INDEX t_low ON t (lower(v)) WHERE n > 0;
      ALTER TABLE t ADD CONSTRAINT short CHECK (length(v) < 5); ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'A', 1), (2, 'B', 2), (3, 'long', 3)`);
    const deleted = await at.change('DELETE FROM t WHERE id IN (1, 3)');
    const swapped = await at.change(
      `UPDATE t SET v = 'q' WHERE id = 2; INSERT INTO t VALUES (4, 'B', 4)`,
    );
    await at.database.client
      .query(`ALTER TABLE t ADD COLUMN added int, ADD COLUMN made int GENERATED ALWAYS AS (added + 1) STORED; ALTER TABLE t DROP CONSTRAINT short;
      ALTER TABLE t ADD CONSTRAINT short CHECK (length(v) < 4)`);
    await at.change(`UPDATE t SET v = 'a' WHERE id = 2; UPDATE t SET v = 'b2' WHERE id = 4`);
    const plan = await at.plan({ transaction: deleted });
    const found = plan.conflicts.list.map(({ reason, key }) => `${reason} ${JSON.stringify(key)}`);
    assert.deepEqual(found, ['constraint-violated {"id":3}', 'unique-taken {"id":1}']);
    const later = await at.plan({ transaction: swapped });
    assert.deepEqual(later.conflicts.byReason, { 'changed-later': 2 });
  });

  test('a swap that a key of another partition would act on is none of its', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int, r text, v text, PRIMARY KEY (id, r), UNIQUE (v, r)) PARTITION BY LIST (r);
      CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a'); CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b');
      ALTER TABLE p_b ADD UNIQUE (id); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p_b (id) ON DELETE CASCADE);
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_a REPLICA IDENTITY FULL; ALTER TABLE p_b REPLICA IDENTITY FULL;
      ALTER TABLE c REPLICA IDENTITY FULL; INSERT INTO p VALUES (1, 'a', 'x'), (2, 'a', 'y'), (3, 'b', 'x'), (4, 'b', 'y')`);
    await assertSwapsBack(
      at,
      'p',
      `UPDATE p SET v = 'q' WHERE id = 1; UPDATE p SET v = 'x' WHERE id = 2; UPDATE p SET v = 'y' WHERE id = 1`,
    );
    const swap = `UPDATE p SET v = 'q' WHERE id = 3; UPDATE p SET v = 'x' WHERE id = 4; UPDATE p SET v = 'y' WHERE id = 3`;
    await assertSwapsBack(at, 'p', swap);
    await at.change('INSERT INTO c VALUES (1, 3), (2, 4)');
    const swapped = await at.change(swap);
    const plan = await at.plan({ transaction: swapped });
    assert.deepEqual(plan.conflicts.byReason, { 'unique-taken': 2 }, 'its rows could go along');
  });

  test('of one partition: only its rows are in each other’s way', async () => {
    await using at = await undoFixture(`
      CREATE TABLE p (id int, r text, v text, PRIMARY KEY (id, r)) PARTITION BY LIST (r);
      CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a'); CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b');
      CREATE UNIQUE INDEX a_v ON p_a (lower(v));
      ALTER TABLE p REPLICA IDENTITY FULL; ALTER TABLE p_a REPLICA IDENTITY FULL; ALTER TABLE p_b REPLICA IDENTITY FULL;
      INSERT INTO p VALUES (1, 'a', 'x'), (2, 'a', 'y'), (3, 'b', 'x'), (4, 'b', 'x')`);
    await assertSwapsBack(
      at,
      'p',
      `UPDATE p SET v = 'q' WHERE id = 1; UPDATE p SET v = 'X' WHERE id = 2; UPDATE p SET v = 'Y' WHERE id = 1`,
    );
    const others = await at.change(`DELETE FROM p WHERE id = 3`);
    assert.equal((await at.apply({ transaction: others })).applied, true, 'not of partition b');
    const deleted = await at.change(`DELETE FROM p WHERE id = 1`);
    await at.change(`INSERT INTO p VALUES (9, 'a', 'X'), (10, 'b', 'X')`);
    const plan = await at.plan({ transaction: deleted });
    assert.deepEqual(plan.conflicts.byReason, { 'unique-taken': 1 });
    assert.match(plan.conflicts.list[0]?.message ?? '', /a_v.*public\.p id=9/);
  });
});
