/** Versions of a log that knew tables and columns by their names only (invariant 14). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TableDefinition } from '../../src/change/table.ts';
import { asOldLog, type Texts, type TargetFixture, targetFixture } from './target-fixture.ts';

const TABLES = `CREATE TABLE t (id int PRIMARY KEY, a text, b text);
  CREATE TABLE u (id int PRIMARY KEY, a text, b text); CREATE TABLE bag (a text, b text)`;
const TABLE =
  'table-uncertain -: the log knows it by its name alone, and nothing proves that it was not made anew or renamed since';
const columns = (names: string): string =>
  `table-uncertain -: the log knows column ${names} by name alone, and nothing proves that it is the same one`;
const ROW: Texts = ['1', 'A', 'B'];

/** What stands against undoing a delete from the table after it was altered. */
async function conflictsAfter(alter: string, name = 't', row = ROW): Promise<readonly string[]> {
  await using at = await targetFixture(TABLES);
  const version = asOldLog(await at.version(name));
  if (alter !== '') await at.client.query(alter);
  return (await at.undo([[version, row, null]])).conflicts;
}

async function forced(at: TargetFixture, version: TableDefinition, row = ROW): Promise<string[]> {
  await at.undo([[version, row, null]], 'force');
  return [...(await at.rows(`SELECT * FROM ${version.name}`))];
}

describe('a name of which the catalogue proves that it means the same', () => {
  const altered = {
    'of a table that was never altered': '',
    'of one that got a column, another identity, a trigger, and was written anew': `
      ALTER TABLE t ADD c text; ALTER TABLE t REPLICA IDENTITY FULL; CREATE INDEX ON t (a);
      GRANT SELECT ON t TO PUBLIC; CLUSTER t USING t_pkey; ANALYZE t`,
    'of one with other defaults, none dropped before them': `
      ALTER TABLE t ALTER a SET DEFAULT 'x', ALTER b SET NOT NULL`,
    'of one that lost a column which the changes did not know': `
      ALTER TABLE t ADD c text; ALTER TABLE t DROP c`,
  };
  for (const [title, alter] of Object.entries(altered)) {
    test(title, async () => assert.deepEqual(await conflictsAfter(alter), []));
  }

  test('of a column behind one that was dropped before the change', async () => {
    await using at = await targetFixture(`${TABLES}; ALTER TABLE t DROP a`);
    const t = asOldLog(await at.version('t'));
    const { applied, conflicts } = await at.undo([[t, ['1', 'B'], null]]);
    assert.deepEqual(conflicts, []);
    assert.equal(applied?.tables[0]?.insert, 1);
  });

  test('of a column behind a generated one', async () => {
    await using at = await targetFixture(
      `CREATE TABLE t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id + 1) STORED, a text)`,
    );
    // Of a change older than all nothing but the order of the columns is proof.
    const old = asOldLog(await at.version('t'));
    const t = { ...old, columns: old.columns.filter(({ name }) => name !== 'g') };
    await at.client.query(`ALTER TABLE t ALTER a SET DEFAULT 'x'`);
    const { conflicts } = await at.undo([[t, ['1', 'A'], null]], null, '1');
    assert.deepEqual(conflicts, [TABLE]);
  });
});

describe('a name that may mean another table', () => {
  const altered = {
    'because it was made anew': 'DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, a text, b text)',
    'because two exchanged names': `
      ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; ALTER TABLE x RENAME TO u`,
    'because it came from another schema': `CREATE SCHEMA s; DROP TABLE t;
      CREATE TABLE s.t (id int PRIMARY KEY, a text, b text); ALTER TABLE s.t SET SCHEMA public`,
    'because its schema is another one': `ALTER SCHEMA public RENAME TO old; CREATE SCHEMA s;
      CREATE TABLE s.t (id int PRIMARY KEY, a text, b text); ALTER SCHEMA s RENAME TO public`,
  };
  for (const [title, alter] of Object.entries(altered)) {
    test(title, async () => {
      const [first, ...more] = await conflictsAfter(alter);
      assert.equal(first, TABLE);
      for (const each of more) assert.match(each, /^table-uncertain -: the log knows column /);
    });
  }

  test('and it did, but is the old one again: nothing proves it', async () => {
    assert.deepEqual(await conflictsAfter('ALTER TABLE t RENAME TO x; ALTER TABLE x RENAME TO t'), [
      TABLE,
    ]);
  });

  test('is taken for it by force, and left alone by skip; with and without a key', async () => {
    for (const [name, row] of [
      ['t', ROW],
      ['bag', ['A', 'B']],
    ] as const) {
      await using at = await targetFixture(TABLES);
      const version = asOldLog(await at.version(name));
      await at.client.query(`ALTER TABLE ${name} RENAME TO x; ALTER TABLE x RENAME TO ${name}`);
      const { applied } = await at.undo([[version, row, null]], 'skip');
      assert.deepEqual(applied?.tables, []);
      assert.deepEqual(await forced(at, version, row), [`(${row.join()})`]);
    }
  });

  test('found by a cascade, and by a change of the old log beside one of the new', async () => {
    await using at = await targetFixture(`${TABLES};
      CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE k (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE)`);
    const [p, k, t] = [await at.version('p'), await at.version('k'), await at.version('t')];
    await at.client.query('ALTER TABLE t RENAME TO x; ALTER TABLE x RENAME TO t');
    const mixed = await at.undo([
      [asOldLog(t), ROW, null],
      [t, ['2', 'A', 'B'], null],
    ]);
    assert.deepEqual(mixed.conflicts, [TABLE]);
    await at.client.query('ALTER TABLE k RENAME TO x; ALTER TABLE x RENAME TO k');
    const cascaded = await at.undo([[p, ['1'], null]], null, undefined, [
      [asOldLog(k), ['1', '1'], null],
    ]);
    assert.deepEqual(cascaded.conflicts, [TABLE]);
    const other = await at.undo([[p, ['1'], null]], null, undefined, [
      [asOldLog(k), ['1', '2'], null],
    ]);
    assert.deepEqual(other.conflicts, []);
  });
});

describe('a name that may mean another column', () => {
  test('because two exchanged names: force takes the name for it', async () => {
    await using at = await targetFixture(TABLES);
    const t = asOldLog(await at.version('t'));
    await at.client.query(
      'ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b',
    );
    const { conflicts } = await at.undo([[t, ROW, null]]);
    assert.deepEqual(conflicts, [columns('a, b')]);
    await forced(at, t);
    assert.deepEqual(await at.rows('SELECT a, b FROM t'), ['(A,B)']);
  });

  test('because it was dropped and added again', async () => {
    assert.deepEqual(await conflictsAfter('ALTER TABLE t DROP a; ALTER TABLE t ADD a text'), [
      columns('a'),
    ]);
  });

  test('because another was renamed to it when it was gone', async () => {
    assert.deepEqual(await conflictsAfter('ALTER TABLE t DROP a; ALTER TABLE t RENAME b TO a'), [
      'column-dropped -: b',
      columns('a'),
    ]);
  });
});
