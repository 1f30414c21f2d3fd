/** What a value's text meant then decides, and not what its type makes of it today. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAJORS } from '../support/postgres.ts';
import { undoFixture } from './fixture.ts';
import {
  asOldLog,
  type Made,
  type TargetFixture,
  targetFixture,
  type Undone,
} from './target-fixture.ts';

/** Undoes the delete of rows `(id, v)` after the schema was changed, in one of the ways. */
async function deleted(
  at: TargetFixture,
  {
    alter,
    values,
    mode,
  }: { alter: string; values: readonly (string | null)[]; mode?: 'skip' | 'force' },
): Promise<Undone & { readonly rows: readonly string[] }> {
  const t = await at.version('t');
  await at.client.query(alter);
  const made = values.map((value, index): Made => [t, [String(index + 1), value], null]);
  const undone = await at.undo(made, mode);
  return { ...undone, rows: await at.rows('SELECT * FROM t ORDER BY id') };
}

const MOOD = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TABLE t (id int PRIMARY KEY, v mood)`;
const PAIR = 'CREATE TYPE pair AS (a int, b int); CREATE TABLE t (id int PRIMARY KEY, v pair)';

for (const major of [MAJORS[0], 14] as const) {
  describe(`types that changed, on PostgreSQL ${major}`, () => {
    test('labels that were added are in nobody’s way', async () => {
      await using at = await targetFixture(MOOD, major);
      const alter = `ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'ok'`;
      const { conflicts, rows } = await deleted(at, { alter, values: ['sad', null] });
      assert.deepEqual(conflicts, []);
      assert.deepEqual(rows, ['(1,sad)', '(2,)']);
    });

    test('a renamed label is a conflict of rows with a value, and force carries each to its name now', async () => {
      await using at = await targetFixture(MOOD, major);
      const alter = `ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'; ALTER TYPE mood RENAME VALUE 'sad' TO 'happy';
        ALTER TYPE mood ADD VALUE 'sad'`;
      const values = ['happy', 'sad', null];
      const refused = await deleted(at, { alter, values });
      const detail = 'v: public.mood is not what it was';
      assert.deepEqual(refused.conflicts, [
        `column-retyped 1: ${detail}`,
        `column-retyped 2: ${detail}`,
      ]);
      assert.deepEqual(refused.rows, []);
      assert.equal(refused.applied, null);
    });

    test('forced, the renamed labels come back under their names now', async () => {
      await using at = await targetFixture(MOOD, major);
      const alter = `ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'; ALTER TYPE mood RENAME VALUE 'sad' TO 'happy';
        ALTER TYPE mood ADD VALUE 'sad'`;
      const { rows } = await deleted(at, {
        alter,
        values: ['happy', 'sad', 'ok', null],
        mode: 'force',
      });
      assert.deepEqual(rows, ['(1,glad)', '(2,happy)', '(3,ok)', '(4,)']);
    });

    test('skip leaves out the rows with a value', async () => {
      await using at = await targetFixture(MOOD, major);
      const alter = `ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'`;
      const { rows } = await deleted(at, { alter, values: ['happy', null], mode: 'skip' });
      assert.deepEqual(rows, ['(2,)']);
    });

    test('attributes of a composite dropped and added again do not come back swapped', async () => {
      await using at = await targetFixture(PAIR, major);
      const alter = 'ALTER TYPE pair DROP ATTRIBUTE a; ALTER TYPE pair ADD ATTRIBUTE a int';
      const { conflicts, rows } = await deleted(at, { alter, values: ['(1,2)', '(,2)', null] });
      assert.deepEqual(conflicts, [
        `column-retyped 1: v: public.pair is not what it was; '(1,2)' cannot be carried over`,
        'column-retyped 2: v: public.pair is not what it was',
      ]);
      assert.deepEqual(rows, []);
    });

    test('forced, only what loses nothing is carried over', async () => {
      await using at = await targetFixture(PAIR, major);
      const alter = 'ALTER TYPE pair DROP ATTRIBUTE a; ALTER TYPE pair ADD ATTRIBUTE a int';
      const { applied, rows } = await deleted(at, { alter, values: ['(,2)', null], mode: 'force' });
      assert.ok(applied);
      assert.deepEqual(rows, ['(1,"(2,)")', '(2,)']);
    });

    test('a composite that only grew takes its values with null in what is new', async () => {
      await using at = await targetFixture(PAIR, major);
      const alter =
        'ALTER TYPE pair ADD ATTRIBUTE c text; ALTER TYPE pair RENAME ATTRIBUTE a TO first';
      const { conflicts, rows } = await deleted(at, { alter, values: ['(1,2)'] });
      assert.deepEqual(conflicts, []);
      assert.deepEqual(rows, ['(1,"(1,2,)")']);
    });

    test('what is within arrays, composites and domains is carried, too', async () => {
      await using at = await targetFixture(
        `CREATE TYPE mood AS ENUM ('sad', 'it''s "ok", \\ (so)');
         CREATE DOMAIN moods AS mood[]; CREATE TYPE deep AS (n text, m moods);
         CREATE TABLE t (id int PRIMARY KEY, v deep[])`,
        major,
      );
      await at.client.query(`INSERT INTO t VALUES
        (1, ARRAY[ROW('a "b", \\c', ARRAY['sad', NULL, 'it''s "ok", \\ (so)']::mood[])::deep, NULL, ROW('', NULL)::deep])`);
      const t = await at.version('t');
      const read = async (): Promise<string> =>
        (await at.client.query<{ v: string }>('SELECT v::text FROM t')).rows[0]?.v ?? '';
      const then = await read();
      await at.client.query(`ALTER TYPE mood RENAME VALUE 'sad' TO 'b l u e'`);
      const now = await read();
      await at.client.query('DELETE FROM t');
      assert.equal((await at.undo([[t, ['1', then], null]])).conflicts.length, 1);
      await at.undo([[t, ['1', then], null]], 'force');
      assert.notEqual(then, now);
      assert.equal(await read(), now);
    });

    test('wider types take values as they are, narrower ones those that fit', async () => {
      await using at = await targetFixture('CREATE TABLE t (id int PRIMARY KEY, v int)', major);
      const wider = await deleted(at, {
        alter: 'ALTER TABLE t ALTER v TYPE bigint',
        values: ['7'],
      });
      assert.deepEqual([wider.conflicts, wider.rows], [[], ['(1,7)']]);
      const narrower = await deleted(at, {
        alter: 'DELETE FROM t; ALTER TABLE t ALTER v TYPE smallint',
        values: ['7', '70000'],
      });
      assert.deepEqual(narrower.conflicts, [
        'column-retyped 1: v: bigint, now smallint',
        `column-retyped 2: v: bigint, now smallint; '70000' cannot be carried over`,
      ]);
    });

    test('a length or scale that takes something from a value takes the row out', async () => {
      await using at = await targetFixture(
        'CREATE TABLE t (id int PRIMARY KEY, v numeric(10,4))',
        major,
      );
      const { conflicts } = await deleted(at, {
        alter: 'ALTER TABLE t ALTER v TYPE numeric(10,1)',
        values: ['1.2345', null],
      });
      assert.deepEqual(conflicts, [
        `column-retyped 1: v: numeric(10,4), now numeric(10,1); '1.2345' cannot be carried over`,
      ]);
      const texts = await deleted(at, {
        alter: `ALTER TABLE t ALTER v TYPE varchar(3) USING v::text`,
        values: [],
      });
      assert.deepEqual(texts.conflicts, []);
      const shorter = await deleted(at, {
        alter: 'ALTER TABLE t ALTER v TYPE varchar(2)',
        values: ['abc', 'ab'],
        mode: 'skip',
      });
      assert.equal(shorter.rows.length, 0);
    });

    test('a domain’s new constraint is asked of each value', async () => {
      await using at = await targetFixture(
        'CREATE DOMAIN pos AS int; CREATE TABLE t (id int PRIMARY KEY, v pos)',
        major,
      );
      const alter = 'ALTER DOMAIN pos ADD CHECK (value > 0)';
      const refused = await deleted(at, { alter, values: ['5', '-5', null] });
      assert.deepEqual(refused.conflicts, [`column-retyped 2: v: public.pos does not take '-5'`]);
      const skipped = await deleted(at, {
        alter: 'SELECT',
        values: ['5', '-5', null],
        mode: 'skip',
      });
      assert.deepEqual(skipped.rows, ['(1,5)', '(3,)']);
    });

    test('a domain that forbids null by now, and one upon another', async () => {
      await using at = await targetFixture(
        `CREATE DOMAIN n AS varchar(10); CREATE DOMAIN m AS n; CREATE TABLE t (id int PRIMARY KEY, v m);
         CREATE TABLE bag (v n)`,
        major,
      );
      const bag = await at.version('bag');
      const alter = 'ALTER DOMAIN n SET NOT NULL; ALTER DOMAIN m ADD CHECK (length(value) < 3)';
      const { conflicts } = await deleted(at, { alter, values: ['ab', null, 'abc'] });
      assert.deepEqual(conflicts, [
        'column-retyped 2: v: public.m does not take NULL',
        `column-retyped 3: v: public.m does not take 'abc'`,
      ]);
      const skipped = await deleted(at, { alter: 'SELECT', values: ['ab', null], mode: 'skip' });
      assert.deepEqual(skipped.rows, ['(1,ab)']);
      const bags = await at.undo([[bag, [null], null]]);
      assert.deepEqual(bags.conflicts, ['column-retyped -: v: public.n does not take NULL']);
    });

    test('a domain’s new constraint within an array', async () => {
      await using at = await targetFixture(
        'CREATE DOMAIN n AS int; CREATE TABLE t (id int PRIMARY KEY, v n[])',
        major,
      );
      const alter = 'ALTER DOMAIN n ADD CHECK (value < 10) NOT VALID';
      const { conflicts } = await deleted(at, { alter, values: ['{1,20}', '{1,2}'] });
      assert.equal(conflicts.length, 1);
    });

    test('a type that was dropped and made anew under its name', async () => {
      await using at = await targetFixture(PAIR, major);
      const alter = `ALTER TABLE t ALTER v TYPE text USING v::text; DROP TYPE pair;
        CREATE TYPE pair AS (b int, a int); ALTER TABLE t ALTER v TYPE pair USING NULL`;
      const { conflicts, rows } = await deleted(at, { alter, values: ['(1,2)'], mode: 'force' });
      assert.deepEqual(conflicts, ['column-retyped 1: v: public.pair is not what it was']);
      assert.deepEqual(rows, ['(1,"(2,1)")']);
    });

    test('a renamed type is the same, and a row as it is now is compared under it', async () => {
      await using at = await targetFixture(
        `${MOOD}; INSERT INTO t VALUES (1, 'sad'), (2, 'happy')`,
        major,
      );
      const t = await at.version('t');
      await at.client.query('ALTER TYPE mood RENAME TO feeling');
      const result = await at.undo([
        [t, ['1', 'ok'], ['1', 'sad']],
        [t, null, ['2', 'happy']],
      ]);
      assert.deepEqual(result.conflicts, []);
      assert.deepEqual(await at.rows('SELECT * FROM t'), ['(1,ok)']);
    });

    test('what an old log does not know is refused where it could matter', async () => {
      await using at = await targetFixture(
        `CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int PRIMARY KEY, v mood, n numeric(5,2), a int[])`,
        major,
      );
      const t = asOldLog(await at.version('t'));
      const refused = await at.undo([
        [t, ['1', 'sad', '1.00', '{1}'], null],
        [t, ['2', null, '1.00', '{1}'], null],
      ]);
      assert.deepEqual(refused.conflicts, [
        'column-retyped 1: v: the log does not know what public.mood was then',
      ]);
      await at.undo([[t, ['1', 'sad', '1.00', '{1}'], null]], 'force');
      assert.deepEqual(await at.rows('SELECT * FROM t'), ['(1,sad,1.00,{1})']);
    });

    test('a domain that an old log knows by its name can have been made anew of something else', async () => {
      await using at = await targetFixture(
        'CREATE DOMAIN d AS text; CREATE TABLE t (id int PRIMARY KEY, v d)',
        major,
      );
      const t = asOldLog(await at.version('t'));
      await at.client.query(`ALTER TABLE t DROP v; DROP DOMAIN d; CREATE DOMAIN d AS int;
        ALTER TABLE t ADD v d`);
      const { conflicts, applied } = await at.undo(
        [
          [t, ['1', 'text'], null],
          [t, ['2', '7'], null],
        ],
        'skip',
      );
      assert.deepEqual(conflicts, [
        'table-uncertain -: the log knows column v by name alone, and nothing proves that it is the same one',
        `column-retyped 1: v: the log does not know what public.d was then; 'text' cannot be carried over`,
        'column-retyped 2: v: the log does not know what public.d was then',
      ]);
      assert.equal(applied?.tables.length, 0);
    });

    test('a key of a type that changed, and rows without a key', async () => {
      await using at = await targetFixture(
        `CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id mood PRIMARY KEY, v int);
         CREATE TABLE bag (v mood); INSERT INTO t VALUES ('ok', 2)`,
        major,
      );
      const [t, bag] = [await at.version('t'), await at.version('bag')];
      await at.client.query(
        `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'`,
      );
      const made: readonly Made[] = [
        [t, ['sad', '1'], null],
        [t, ['ok', '1'], ['ok', '2']],
        [bag, ['sad'], null],
      ];
      const refused = await at.undo(made);
      assert.deepEqual(
        refused.found.map(({ reason, row }) => `${reason} ${row?.key.join() ?? '-'}`).toSorted(),
        ['column-retyped -', 'column-retyped blue', 'column-retyped fine'],
      );
      await at.undo(made, 'force');
      assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), ['(blue,1)', '(fine,1)']);
      assert.deepEqual(await at.rows('SELECT * FROM bag'), ['(blue)']);
    });
  });
}

test('all the way from the log: what a plan says, and a script that does not write the wrong value', async () => {
  await using at = await undoFixture(`CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE t (id int PRIMARY KEY, v mood); ALTER TABLE t REPLICA IDENTITY FULL;
    INSERT INTO t VALUES (1, 'sad'), (2, NULL)`);
  const transaction = await at.change('DELETE FROM t');
  await at.database.client.query(
    `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TYPE mood ADD VALUE 'sad'`,
  );
  const plan = await at.plan({ transaction });
  assert.deepEqual([plan.total, plan.conflicts.byReason], [1, { 'column-retyped': 1 }]);
  assert.match(
    plan.conflicts.list[0]?.message ?? '',
    /public\.t id=1 has a value .* v: public\.mood is not/,
  );
  const script = async (onConflict: 'refuse' | 'force'): Promise<string> => {
    const parts: string[] = [];
    for await (const part of at.undo.undoScript(plan, { onConflict }, at.signal)) parts.push(part);
    return parts.join('');
  };
  await assert.rejects(at.database.client.query(await script('refuse')), /column-retyped: v/);
  await at.database.client.query('ROLLBACK');
  await at.database.client.query(await script('force'));
  assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), ['(1,blue)', '(2,)']);
});
