/** Tables and columns are known by their numbers; their names are for people. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asOldLog, type Made, targetFixture } from './target-fixture.ts';

describe('a table under another name', () => {
  test('is the table that its changes go back to, and not the one that has its name now', async () => {
    await using at = await targetFixture(`
      CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text)`);
    const t = await at.version('t');
    await at.client.query('ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t');
    const { applied, formerNames } = await at.undo([[t, ['1', 'one'], null]]);
    assert.deepEqual(await at.rows('SELECT * FROM x'), ['(1,one)']);
    assert.deepEqual(await at.rows('SELECT * FROM t'), []);
    assert.deepEqual(applied?.tables[0], {
      id: t.origin?.id,
      schema: 'public',
      name: 'x',
      insert: 1,
      update: 0,
      delete: 0,
    });
    assert.deepEqual(formerNames, ['public.t']);
  });

  test('two that exchanged names, with changes from before and after', async () => {
    await using at = await targetFixture(`
      CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text)`);
    const [a, b] = [await at.version('a'), await at.version('b')];
    await at.client.query(
      'ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b',
    );
    const [aNow, bNow] = [await at.version('a'), await at.version('b')];
    await at.undo([
      [a, ['1', 'of a'], null],
      [b, ['2', 'of b'], null],
      [bNow, ['3', 'of a, later'], null],
      [aNow, ['4', 'of b, later'], null],
    ]);
    assert.deepEqual(await at.rows('SELECT * FROM b ORDER BY id'), [
      '(1,"of a")',
      '(3,"of a, later")',
    ]);
    assert.deepEqual(await at.rows('SELECT * FROM a ORDER BY id'), [
      '(2,"of b")',
      '(4,"of b, later")',
    ]);
  });

  test('in another schema, and with a foreign key that is found under its name now', async () => {
    await using at = await targetFixture(`
      CREATE SCHEMA s; CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, p int REFERENCES p)`);
    const [p, k] = [await at.version('p'), await at.version('k')];
    await at.client.query(
      'ALTER TABLE p SET SCHEMA s; ALTER TABLE k RENAME TO kk; ALTER SCHEMA s RENAME TO s2',
    );
    const missing = await at.undo([[k, ['1', '1'], null]]);
    assert.deepEqual(missing.conflicts, ['parent-missing 1: k_p_fkey']);
    const both = await at.undo([
      [p, ['1'], null],
      [k, ['1', '1'], null],
    ]);
    assert.deepEqual(both.conflicts, []);
    assert.deepEqual(await at.rows('SELECT * FROM kk, s2.p'), ['(1,1,1)']);
  });

  test('that was dropped and made anew is another one', async () => {
    await using at = await targetFixture('CREATE TABLE t (id int PRIMARY KEY, v text)');
    const t = await at.version('t');
    await at.client.query('DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text)');
    const { conflicts, applied } = await at.undo([[t, ['1', 'one'], null]]);
    assert.deepEqual(conflicts, ['table-missing -: another table has its name now']);
    assert.equal(applied, null);
    await at.client.query('DROP TABLE t; CREATE VIEW t AS SELECT 1 AS id');
    assert.deepEqual((await at.undo([[t, ['1', 'one'], null]])).conflicts, [
      'table-missing -: a view has its name now',
    ]);
    await at.client.query('DROP VIEW t');
    assert.deepEqual((await at.undo([[t, ['1', 'one'], null]])).conflicts, ['table-missing -']);
  });

  test('is only found by its name where the log does not know its number', async () => {
    await using at = await targetFixture('CREATE TABLE t (id int PRIMARY KEY, v text)');
    const t = asOldLog(await at.version('t'));
    await using workspace = await at.target.open('plan', new AbortController().signal);
    await workspace.stage([]);
    const { applied } = await at.undo([[t, ['1', 'one'], null]]);
    assert.equal(applied?.tables[0]?.insert, 1);
  });
});

describe('a column under another name', () => {
  test('is the same column: an undo of another one is none of its business, and its value comes back', async () => {
    await using at = await targetFixture(`
      CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'kept', 'new')`);
    const t = await at.version('t');
    await at.client.query('ALTER TABLE t RENAME a TO z; ALTER TABLE t RENAME id TO nr');
    const result = await at.undo([
      [t, ['1', 'kept', 'old'], ['1', 'kept', 'new']],
      [t, ['2', 'gone', 'gone too'], null],
    ]);
    assert.deepEqual(result.conflicts, []);
    assert.deepEqual(await at.rows('SELECT nr, z, b FROM t ORDER BY nr'), [
      '(1,kept,old)',
      '(2,gone,"gone too")',
    ]);
  });

  test('two that exchanged names, in versions from before and after', async () => {
    await using at = await targetFixture('CREATE TABLE t (id int PRIMARY KEY, a text, b text)');
    const before = await at.version('t');
    await at.client.query(
      'ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b',
    );
    const after = await at.version('t');
    await at.undo([
      [before, ['1', 'A', 'B'], null],
      [after, ['2', 'A', 'B'], null],
    ]);
    assert.deepEqual(await at.rows('SELECT id, b AS was_a, a AS was_b FROM t ORDER BY id'), [
      '(1,A,B)',
      '(2,A,B)',
    ]);
  });

  test('that was dropped and added again is another one: its values are lost, and force says so', async () => {
    await using at = await targetFixture('CREATE TABLE t (id int PRIMARY KEY, a text, b text)');
    const t = await at.version('t');
    await at.client.query('ALTER TABLE t DROP a; ALTER TABLE t ADD a text');
    const refused = await at.undo([[t, ['1', 'A', 'B'], null]]);
    assert.deepEqual(refused.conflicts, ['column-dropped -: a']);
    assert.equal(refused.applied, null);
    await at.undo([[t, ['1', 'A', 'B'], null]], 'force');
    assert.deepEqual(await at.rows('SELECT id, a, b FROM t'), ['(1,,B)']);
  });

  test('of a partition, which numbers its columns in its own way', async () => {
    await using at = await targetFixture(`
      CREATE TABLE ev (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
      CREATE TABLE ev_1 (gone int, v text, day int NOT NULL, id int NOT NULL); ALTER TABLE ev_1 DROP gone;
      ALTER TABLE ev ATTACH PARTITION ev_1 FOR VALUES IN (1)`);
    const leaf = await at.version('ev_1');
    assert.deepEqual(
      leaf.columns.map(({ name, number }) => [name, number]),
      [
        ['v', 2],
        ['day', 3],
        ['id', 4],
      ],
    );
    await at.client.query('ALTER TABLE ev RENAME v TO w; ALTER TABLE ev RENAME TO events');
    await at.undo([[leaf, ['one', '1', '7'], null]]);
    assert.deepEqual(await at.rows('SELECT id, day, w FROM events'), ['(7,1,one)']);
  });
});

describe('a partition that is gone', () => {
  const EV = `CREATE TABLE ev (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
    CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1); CREATE TABLE ev_2 PARTITION OF ev FOR VALUES IN (2)`;

  for (const how of ['DROP TABLE ev_1', 'ALTER TABLE ev DETACH PARTITION ev_1']) {
    test(`is a conflict of its rows alone (${how})`, async () => {
      await using at = await targetFixture(EV);
      const [one, two] = [await at.version('ev_1'), await at.version('ev_2')];
      await at.client.query(how);
      const made = [
        [one, ['1', '1', 'one'], null],
        [two, ['2', '2', 'two'], null],
      ] as const;
      const refused = await at.undo(made);
      assert.deepEqual(refused.conflicts, ['partition-missing 1,1']);
      const skipped = await at.undo(made, 'skip');
      assert.equal(skipped.applied?.tables[0]?.insert, 1);
      const fix = refused.found[0]?.fix ?? '';
      assert.match(
        fix,
        /^CREATE TABLE "public"\."ev_default" PARTITION OF "public"\."ev" DEFAULT;$/,
      );
      await at.client.query(fix);
      await at.undo(made);
      assert.deepEqual(await at.rows('SELECT * FROM ev ORDER BY id'), ['(1,1,one)', '(2,2,two)']);
    });
  }

  test('and still there as a table by itself: its rows are not taken for undone', async () => {
    await using at = await targetFixture(`${EV}; INSERT INTO ev VALUES (1, 1, 'a'), (2, 2, 'b')`);
    const one = await at.version('ev_1');
    await at.client.query('ALTER TABLE ev DETACH PARTITION ev_1');
    const made: readonly Made[] = [
      [one, null, ['1', '1', 'a']],
      [one, null, ['7', '1', 'gone by itself']],
    ];
    const refused = await at.undo(made);
    assert.deepEqual(refused.conflicts, [
      'partition-missing 1,1: it may be in public.ev_1, which is a table by itself now',
    ]);
    assert.equal(refused.applied, null);
    await at.undo(made, 'skip');
    assert.deepEqual(await at.rows('SELECT * FROM ev_1'), ['(1,1,a)']);
  });

  test('by hash and range, below another one, and of rows without a key', async () => {
    await using at = await targetFixture(`
      CREATE TABLE h (id int, v text) PARTITION BY HASH (id);
      CREATE TABLE h_0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE r (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
      CREATE TABLE r_1 PARTITION OF r FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
      CREATE TABLE r_11 PARTITION OF r_1 FOR VALUES FROM (0) TO (5)`);
    const [h, r] = [await at.version('h'), await at.version('r_11')];
    const { rows } = await at.client.query<{ id: number; fits: boolean }>(
      `SELECT id, satisfies_hash_partition('h'::regclass, 2, 0, id) AS fits FROM generate_series(1, 20) id`,
    );
    const out = rows.find(({ fits }) => !fits);
    const refused = await at.undo([
      [h, [String(out?.id), 'x'], null],
      [r, ['3', 'in'], null],
      [r, ['7', 'out'], null],
    ]);
    assert.deepEqual(refused.conflicts.toSorted(), ['partition-missing -', 'partition-missing 7']);
  });
});

describe('a log of an older version, which knows tables and columns by their names alone', () => {
  test('a table that was renamed or made anew since is uncertain: skipped, or forced', async () => {
    await using at = await targetFixture(
      'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE bag (v text); CREATE TABLE other (id int PRIMARY KEY)',
    );
    const [t, bag, other] = await Promise.all(
      ['t', 'bag', 'other'].map(async (name) => asOldLog(await at.version(name))),
    );
    assert.ok(t !== undefined && bag !== undefined && other !== undefined);
    const { rows } = await at.client.query<{ id: string }>(
      'SELECT pg_current_xact_id()::text AS id',
    );
    const transaction = rows[0]?.id ?? '';
    await at.client.query(
      'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, v text); DROP TABLE bag; CREATE TABLE bag (v text)',
    );
    const made: readonly Made[] = [
      [t, ['1', 'one'], null],
      [bag, ['one'], null],
      [other, ['1'], null],
    ];
    const detail =
      'the log knows it by its name alone, and nothing proves that it was not made anew or renamed since';
    const refused = await at.undo(made, null, transaction);
    assert.deepEqual(refused.conflicts, [
      `table-uncertain -: ${detail}`,
      `table-uncertain -: ${detail}`,
    ]);
    assert.equal(refused.applied, null);
    await at.undo(made, 'skip', transaction);
    assert.deepEqual(await at.rows('SELECT id FROM t UNION ALL SELECT id FROM other'), ['(1)']);
    await at.undo(made.slice(0, 2), 'force', transaction);
    assert.deepEqual(await at.rows('SELECT t.*, bag.* FROM t, bag'), ['(1,one,one)']);
    // Who exchanged names meanwhile is not found out to be the same, either.
    await at.client.query('ALTER TABLE t RENAME TO x; ALTER TABLE other RENAME TO t');
    const exchanged = await at.undo([[t, ['2', 'two'], null]], null, transaction);
    assert.match(exchanged.conflicts.join(), /table-uncertain/);
  });

  test('columns are the same in the same order without a gap, or where nothing was changed since', async () => {
    await using at = await targetFixture(
      'CREATE TABLE t (id int PRIMARY KEY, a text, b text); CREATE TABLE gap (id int PRIMARY KEY, z int, a text)',
    );
    await at.client.query('ALTER TABLE gap DROP COLUMN z');
    const t = asOldLog(await at.version('t'));
    const gap = asOldLog(await at.version('gap'));
    const { rows } = await at.client.query<{ id: string }>(
      'SELECT pg_current_xact_id()::text AS id',
    );
    const transaction = rows[0]?.id ?? '';
    const untouched = await at.undo([[gap, ['1', 'a'], null]], null, transaction);
    assert.deepEqual(untouched.conflicts, []);
    await at.client.query('ALTER TABLE t ADD COLUMN c text; ALTER TABLE gap ADD COLUMN c text');
    const made: Made = [t, ['2', 'of a', 'of b'], null];
    const added = await at.undo([made], 'force', transaction);
    assert.deepEqual(added.conflicts, []);
    assert.deepEqual(await at.rows('SELECT * FROM t'), ['(2,"of a","of b",)']);
    const inGap = await at.undo([[gap, ['2', 'a'], null]], null, transaction);
    assert.deepEqual(inGap.conflicts, []);
    await at.client.query(
      'DELETE FROM t; ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b',
    );
    const exchanged = await at.undo([made], null, transaction);
    assert.match(
      exchanged.conflicts.join(),
      /^table-uncertain -: the log knows column a, b by name/,
    );
    assert.deepEqual(await at.rows('SELECT * FROM t'), []);
  });
});
