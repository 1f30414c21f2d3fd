import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type UndoFixture, undoFixture } from './fixture.ts';

const LATE = { timeout: 120_000 };

async function head({ log }: UndoFixture): Promise<number> {
  await log.refresh();
  return log.head;
}

test(
  'rows that a truncate removed are from before a column was added or dropped',
  LATE,
  async (t) => {
    await using fixture = await undoFixture(
      ['added', 'dropped', 'bag', 'known', 'knownbag']
        .map(
          (
            name,
          ) => `CREATE TABLE ${name} (id int ${name.endsWith('bag') ? '' : 'PRIMARY KEY'}, v text);
          ALTER TABLE ${name} REPLICA IDENTITY FULL;`,
        )
        .join('\n'),
    );

    /** Two rows of which the log knows that they are all, and the moment before they go. */
    const fill = async (table: string): Promise<number> => {
      await fixture.change(`INSERT INTO ${table} VALUES (0, 'old')`);
      await fixture.change(`TRUNCATE ${table}`);
      await fixture.change(`INSERT INTO ${table} VALUES (1, 'one'), (2, 'two')`);
      return head(fixture);
    };

    for (const table of ['added', 'bag']) {
      await t.test(`${table}: later changes know one column more`, async () => {
        const since = await fill(table);
        await fixture.change(`TRUNCATE ${table}; ALTER TABLE ${table} ADD COLUMN a int DEFAULT 7`);
        await fixture.change(`INSERT INTO ${table} VALUES (2, 'new')`);
        const request = { tables: [`public.${table}`], since };
        const planned = await fixture.plan(request);
        assert.deepEqual(planned.conflicts.list, []);
        await fixture.apply(request);
        assert.deepEqual(await fixture.rows(`SELECT id, v FROM ${table} ORDER BY id`), [
          '(1,one)',
          '(2,two)',
        ]);
      });
    }

    for (const table of ['known', 'knownbag']) {
      await t.test(`${table}: rows keep what they had in a column that was added`, async () => {
        const { client } = fixture.database;
        await fill(table);
        await client.query(`ALTER TABLE ${table} ADD COLUMN a int DEFAULT 7, ADD COLUMN b text`);
        await fixture.change(
          `INSERT INTO ${table} VALUES (3, 'three', 8, 'x'); DELETE FROM ${table} WHERE id = 2`,
        );
        const since = await head(fixture);
        await fixture.change(`TRUNCATE ${table}`);
        await client.query(`ALTER TABLE ${table} ALTER COLUMN a SET DEFAULT 9`);
        await fixture.apply({ tables: [`public.${table}`], since });
        const all = `SELECT * FROM ${table} ORDER BY id`;
        assert.deepEqual(await fixture.rows(all), ['(1,one,7,)', '(3,three,8,x)']);
      });
    }

    await t.test('bag: a later truncate has removed rows that know one column less', async () => {
      await fixture.change("INSERT INTO bag VALUES (1, 'one'); ALTER TABLE bag ADD COLUMN b int");
      const transaction = await fixture.change("INSERT INTO bag VALUES (2, 'two', 3, 4)");
      await fixture.change('TRUNCATE bag');
      const { conflicts, tables } = await fixture.plan({ transaction });
      assert.deepEqual([conflicts.list, tables[0]?.already], [[], 1]);
    });

    await t.test(
      'later changes know one column less: its values are not lost silently',
      async () => {
        const since = await fill('dropped');
        await fixture.change('TRUNCATE dropped');
        await fixture.change('ALTER TABLE dropped DROP COLUMN v; INSERT INTO dropped VALUES (3)');
        const { conflicts } = await fixture.plan({ tables: ['public.dropped'], since });
        assert.deepEqual(Object.keys(conflicts.byReason), ['column-dropped']);
      },
    );
  },
);

test('a child that followed its parent is from before a column was added', LATE, async () => {
  await using fixture = await undoFixture(
    `CREATE TABLE p (id int PRIMARY KEY); ALTER TABLE p REPLICA IDENTITY FULL;
     CREATE TABLE k (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE);
     ALTER TABLE k REPLICA IDENTITY FULL`,
  );

  await fixture.change('INSERT INTO p VALUES (1), (2); INSERT INTO k VALUES (1, 1), (2, 2)');
  const since = await head(fixture);
  await fixture.change('DELETE FROM p WHERE id = 1');
  await fixture.database.client.query('ALTER TABLE k ADD COLUMN a text');
  await fixture.change('DELETE FROM p WHERE id = 2');
  const { applied, conflicts } = await fixture.apply({ tables: ['public.p'], since });
  assert.deepEqual([applied, conflicts.list], [true, []]);
  assert.deepEqual(await fixture.rows('SELECT id, p FROM k ORDER BY id'), ['(1,1)', '(2,2)']);
});
