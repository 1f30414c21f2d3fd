/** What the log has of tables and columns that were called otherwise, and of their namesakes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Change } from '../../src/change/change.ts';
import { all, refusal, rowsNow, rowsThen, signal } from './fixture.ts';
import { asOldLog } from '../undo/target-fixture.ts';
import { type WrittenLog, writtenLog } from './written-log.ts';

const TABLES = `
  CREATE TABLE a (id int PRIMARY KEY, note text); ALTER TABLE a REPLICA IDENTITY FULL;
  CREATE TABLE b (id int PRIMARY KEY, note text); ALTER TABLE b REPLICA IDENTITY FULL;
  INSERT INTO a VALUES (1, 'of a'); INSERT INTO b VALUES (1, 'of b')`;

/** Gives row 1 of a table another note. */
async function note(at: WrittenLog, table: string, from: string, to: string): Promise<void> {
  await at.write(`UPDATE ${table} SET note = '${to}' WHERE id = 1`, {
    changes: [{ relation: table, before: ['1', from], after: ['1', to] }],
  });
}

async function history(
  at: WrittenLog,
  table: string,
): Promise<{ readonly notes: readonly string[]; readonly values: readonly unknown[] }> {
  const found = await at.looking.history({ table, key: '1' }, signal);
  const versions: Change[] = await all(found.versions);
  return { notes: found.notes, values: versions.map(({ after }) => after?.['note']) };
}

const then = (at: WrittenLog, table: string, offset: number): Promise<string[]> =>
  rowsThen(at.looking, { table, asOf: { offset } });

describe('a table that was renamed', () => {
  test('keeps its history, its past and its undo, under both names', async () => {
    await using at = await writtenLog(TABLES);
    const start = at.log.head;
    await note(at, 'a', 'of a', 'first');
    const middle = at.log.head;
    await at.client.query('ALTER TABLE a RENAME TO c');
    await note(at, 'c', 'first', 'second');
    for (const name of ['c', 'a']) {
      assert.deepEqual((await history(at, name)).values, ['first', 'second'], name);
      assert.deepEqual(await then(at, name, start), ['["1","of a"]'], name);
      assert.deepEqual(await then(at, name, middle), ['["1","first"]'], name);
      const search = await at.looking.find({ tables: [name], key: '1' }, signal);
      assert.equal((await all(search.found)).length, 2, name);
      assert.equal(
        (
          await all(
            (await at.looking.find({ tables: [name], since: { offset: start } }, signal)).found,
          )
        ).length,
        2,
        name,
      );
      const plan = await at.undo.planUndo({ tables: [name], since: start }, {}, signal);
      assert.equal(plan.changes, 2, name);
    }
    assert.deepEqual((await history(at, 'a')).notes, ['public.a is called public.c now.']);
    await using view = await at.looking.table({ table: 'c', asOf: { offset: start } }, signal);
    assert.deepEqual(view.notes, ['public.c was called public.a then.']);
    // What is suggested next has to mean this table, and not one that has taken its name.
    assert.deepEqual([view.table, view.present], ['public.a', 'public.c']);
  });

  test('does not get the history of the one that had its name, nor gives its own to the next', async () => {
    await using at = await writtenLog(TABLES);
    const start = at.log.head;
    await note(at, 'a', 'of a', 'a1');
    await note(at, 'b', 'of b', 'b1');
    await at.client.query(
      'ALTER TABLE a RENAME TO x; ALTER TABLE b RENAME TO a; ALTER TABLE x RENAME TO b',
    );
    await note(at, 'a', 'b1', 'b2');
    await note(at, 'b', 'a1', 'a2');
    assert.deepEqual((await history(at, 'a')).values, ['b1', 'b2']);
    assert.deepEqual((await history(at, 'b')).values, ['a1', 'a2']);
    assert.deepEqual(await then(at, 'a', start), ['["1","of b"]']);
    assert.deepEqual(await then(at, 'b', start), ['["1","of a"]']);
    const selected = await at.undo.planUndo({ tables: ['public.a'], since: start }, {}, signal);
    assert.equal(selected.changes, 2);
    assert.match(
      (await history(at, 'a')).notes.join(),
      /Another table was called public\.a before; its changes are under public\.b/,
    );
    // Back again: the versions come again under their old numbers.
    await at.client.query(
      'ALTER TABLE a RENAME TO x; ALTER TABLE b RENAME TO a; ALTER TABLE x RENAME TO b',
    );
    await note(at, 'a', 'a2', 'a3');
    await note(at, 'b', 'b2', 'b3');
    assert.deepEqual((await history(at, 'a')).values, ['a1', 'a2', 'a3']);
    assert.deepEqual(await then(at, 'b', start), ['["1","of b"]']);
  });

  test('dropped and made anew it is another: the first one is said to be gone', async () => {
    await using at = await writtenLog(TABLES);
    const start = at.log.head;
    await note(at, 'a', 'of a', 'old');
    await at.client.query(`DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, note text);
      ALTER TABLE a REPLICA IDENTITY FULL; INSERT INTO a VALUES (1, 'made')`);
    await note(at, 'a', 'made', 'new');
    const { values, notes } = await history(at, 'a');
    assert.deepEqual(values, ['new']);
    assert.match(notes.join(), /Another table was called public\.a before, and is gone/);
    assert.deepEqual(await then(at, 'a', at.log.head), ['["1","new"]']);
    await refusal(then(at, 'a', start), 'AS_OF_ADDED_LATER');
    assert.deepEqual(await rowsNow(at.client, 'a'), ['["1","new"]']);
  });
});

describe('as of, columns', () => {
  test('one that was renamed is the same; one that was dropped and added again is not', async () => {
    await using at = await writtenLog(`
      CREATE TABLE t (id int PRIMARY KEY, one text, two text); ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'a', 'b'), (2, 'c', 'd')`);
    await at.write(`UPDATE t SET one = 'a!' WHERE id = 1`, {
      changes: [{ relation: 't', before: ['1', 'a', 'b'], after: ['1', 'a!', 'b'] }],
    });
    const offset = at.log.head;
    await at.client.query('ALTER TABLE t RENAME one TO three; ALTER TABLE t RENAME two TO one');
    await at.write(`UPDATE t SET one = 'd!' WHERE id = 2`, {
      changes: [{ relation: 't', before: ['2', 'c', 'd'], after: ['2', 'c', 'd!'] }],
    });
    const rows = ['["1","a!","b"]', '["2","c","d"]'];
    assert.deepEqual(await then(at, 't', offset), rows);
    await using view = await at.looking.table({ table: 't', asOf: { offset } }, signal);
    assert.deepEqual(
      view.columns.map(({ name }) => name),
      ['id', 'one', 'two'],
    );
    assert.deepEqual(view.leftOut, []);
    assert.deepEqual(
      await rowsThen(at.looking, { table: 't', asOf: { offset }, keys: ['2'], columns: ['two'] }),
      ['["d"]'],
    );
    await at.client.query('ALTER TABLE t DROP one; ALTER TABLE t ADD one text');
    assert.match(
      await refusal(then(at, 't', offset), 'AS_OF_COLUMN'),
      /Column two of public\.t .*dropped since.*--columns id,one\./,
    );
    assert.deepEqual(
      await rowsThen(at.looking, { table: 't', asOf: { offset }, columns: ['id', 'one'] }),
      ['["1","a!"]', '["2","c"]'],
    );
  });

  test('labels are shown as they were called; what a name alone cannot tell is refused', async () => {
    await using at = await writtenLog(`
      CREATE TYPE mood AS ENUM ('low', 'mid', 'high'); CREATE TYPE pair AS (x int, y int);
      CREATE TABLE t (id int PRIMARY KEY, m mood, p pair, ms mood[]);
      ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'low', '(1,2)', '{mid}'), (2, 'high', '(3,4)', '{mid}')`);
    await at.write("UPDATE t SET m = 'mid' WHERE id = 1", {
      changes: [
        {
          relation: 't',
          before: ['1', 'low', '(1,2)', '{mid}'],
          after: ['1', 'mid', '(1,2)', '{mid}'],
        },
      ],
    });
    const offset = at.log.head;
    const before = offset - 1;
    await at.client
      .query(`ALTER TYPE mood RENAME VALUE 'low' TO 'bad'; ALTER TYPE mood ADD VALUE 'low';
      ALTER TYPE pair RENAME ATTRIBUTE x TO z`);
    await at.client.query(`ALTER TYPE mood RENAME VALUE 'high' TO 'good'`);
    await at.write(`UPDATE t SET m = 'low' WHERE id = 1`, {
      changes: [
        {
          relation: 't',
          before: ['1', 'mid', '(1,2)', '{mid}'],
          after: ['1', 'low', '(1,2)', '{mid}'],
        },
      ],
    });
    const of = (...columns: string[]) =>
      rowsThen(at.looking, { table: 't', asOf: { offset: before }, columns });
    assert.deepEqual(await of('id', 'm', 'p'), ['["1","low","(1,2)"]', '["2","high","(3,4)"]']);
    assert.match(
      await refusal(of('ms'), 'AS_OF_COLUMN'),
      /labels of its type public\.mood\[\] were renamed/,
    );
    await at.client.query('ALTER TYPE pair DROP ATTRIBUTE z; ALTER TYPE pair ADD ATTRIBUTE z int');
    assert.match(
      await refusal(of('p'), 'AS_OF_COLUMN'),
      /its type public\.pair is made of other parts now/,
    );
    await at.client.query(`ALTER TABLE t ALTER m TYPE text; DROP TYPE mood CASCADE;
      CREATE TYPE mood AS ENUM ('low', 'mid', 'high', 'bad', 'good'); ALTER TABLE t ALTER m TYPE mood USING m::mood`);
    assert.match(
      await refusal(of('m'), 'AS_OF_COLUMN'),
      /its type public\.mood is made of other parts now/,
    );
  });

  test('a log that does not know what a type was made of does not take it for the same', async () => {
    await using at = await writtenLog(`
      CREATE TYPE mood AS ENUM ('low', 'high');
      CREATE TABLE t (id int PRIMARY KEY, m mood); ALTER TABLE t REPLICA IDENTITY FULL;
      INSERT INTO t VALUES (1, 'low')`);
    const offset = at.log.head;
    await at.write(`UPDATE t SET m = 'high'`, {
      changes: [
        {
          relation: 't',
          before: ['1', 'low'],
          after: ['1', 'high'],
          as: (definition) => ({
            ...definition,
            columns: definition.columns.map(({ name, type, kind, array }) => ({
              name,
              type,
              kind,
              array,
            })),
          }),
        },
      ],
    });
    assert.match(
      await refusal(then(at, 't', offset), 'AS_OF_COLUMN'),
      /what its type public\.mood was made of is not known\. Leave it out: --columns id\./,
    );
  });
});

test('changes whose key is not known are told, and not taken for nothing', async () => {
  await using at = await writtenLog(`
    CREATE TABLE t (id int PRIMARY KEY, note text); ALTER TABLE t REPLICA IDENTITY FULL;
    INSERT INTO t VALUES (1, 'a'), (2, 'b')`);
  const offset = at.log.head;
  await at.write(`UPDATE t SET note = 'c' WHERE id = 1; UPDATE t SET note = 'd' WHERE id = 1`, {
    changes: ['a', 'c'].map((before) => ({
      relation: 't',
      before: ['1', before],
      after: ['1', before === 'a' ? 'c' : 'd'],
      as: (definition) => ({ ...definition, key: [], keyUnknown: true }),
    })),
  });
  await at.write(`UPDATE t SET note = 'e' WHERE id = 1`, {
    changes: [{ relation: 't', before: ['1', 'd'], after: ['1', 'e'] }],
  });
  const { values, notes } = await history(at, 't');
  assert.deepEqual(values, ['e']);
  assert.deepEqual(notes, [
    'The keys of 2 changes of this table are not known; they may be of this row.',
  ]);
  const search = await at.looking.find({ tables: ['t'], key: '1' }, signal);
  assert.equal((await all(search.found)).length, 1);
  assert.equal(search.undecided(), 2);
  const plan = await at.undo.planUndo({ tables: ['t'], since: offset, keys: ['1'] }, {}, signal);
  assert.equal(plan.changes, 1);
  assert.match(
    plan.warnings.join('\n'),
    /The key of 2 changes in this range is not known: they are not undone/,
  );
  assert.deepEqual(await then(at, 't', offset), ['["1","a"]', '["2","b"]']);
  const byKey = rowsThen(at.looking, { table: 't', asOf: { offset }, keys: ['1'] });
  await refusal(byKey, 'AS_OF_KEY_UNKNOWN');
});

test('where a log knows tables by name alone, whose changes they are is not told as if it were known', async () => {
  await using at = await writtenLog(TABLES);
  const start = at.log.head;
  const old = (from: string, to: string): Promise<string> =>
    at.write(`UPDATE a SET note = '${to}' WHERE id = 1`, {
      changes: [{ relation: 'a', as: asOldLog, before: ['1', from], after: ['1', to] }],
    });
  await old('of a', 'a1');
  await at.client.query(
    'ALTER TABLE a RENAME TO x; ALTER TABLE b RENAME TO a; ALTER TABLE x RENAME TO b',
  );
  await old('of b', 'b1');
  const byName = at.log.head;
  const whose = new RegExp(
    `Changes before offset ${byName} are of whatever table was called public\\.a then`,
  );
  assert.match((await history(at, 'a')).notes.join(), whose);
  await note(at, 'a', 'b1', 'b2');
  await note(at, 'b', 'a1', 'a2');
  const mixed = await history(at, 'a');
  assert.deepEqual(mixed.values, ['a1', 'b1', 'b2']);
  assert.match(mixed.notes.join(), whose);
  assert.deepEqual((await history(at, 'b')).notes, [], 'that one is known by its number');
  const notesAt = async (offset: number): Promise<string> => {
    await using view = await at.looking.table({ table: 'a', asOf: { offset } }, signal);
    return view.notes.join();
  };
  assert.match(await notesAt(start), whose);
  assert.equal(await notesAt(at.log.head - 1), '', 'nothing by name is gone back over');
});
