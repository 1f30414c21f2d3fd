/** Rows that leave no room beside them: as many columns as a table can have, and as long as a page. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAJORS } from '../support/postgres.ts';
import { undoFixture } from './fixture.ts';
import { type Made, targetFixture, type Texts } from './target-fixture.ts';

/** `id, c1, c2, …` up to this many columns. */
function columns(count: number, type: string): string {
  const rest = Array.from({ length: count - 1 }, (_, at) => `c${at + 1} ${type}`);
  return `id int PRIMARY KEY, ${rest.join(', ')}`;
}

function row(id: number, count: number, value: (at: number) => string | null): Texts {
  return [String(id), ...Array.from({ length: count - 1 }, (_, at) => value(at))];
}

const MOST = [
  [MAJORS[0], 1_600],
  [MAJORS[0], 1_598],
  [14, 1_600],
] as const;

for (const [major, count] of MOST) {
  test(`${count} columns, on PostgreSQL ${major}`, async () => {
    await using at = await targetFixture(`CREATE TABLE w (${columns(count, 'int')})`, major);
    const w = await at.version('w');
    const [one, two, changed] = [
      row(1, count, (n) => String(n)),
      row(2, count, (n) => (n % 3 === 0 ? null : String(-n))),
      row(2, count, (n) => String(n + 1)),
    ];
    const made: readonly Made[] = [
      [w, one, null],
      [w, two, null],
    ];
    assert.deepEqual((await at.undo(made)).conflicts, []);
    const text = ({ length }: Texts, from: Texts): string =>
      `(${from
        .slice(0, length)
        .map((cell) => cell ?? '')
        .join(',')})`;
    const rows = (): Promise<readonly string[]> => at.rows('SELECT * FROM w ORDER BY id');
    assert.deepEqual(await rows(), [text(one, one), text(two, two)]);
    const last = `c${count - 1}`;
    await at.client.query(`UPDATE w SET ${last} = -77 WHERE id = 1`);
    const refused = await at.undo([
      [w, changed, two],
      [w, null, one],
    ]);
    assert.deepEqual(refused.conflicts, ['changed-later 1']);
    await at.undo(
      [
        [w, changed, two],
        [w, null, one],
      ],
      'skip',
    );
    assert.equal((await rows())[1], text(changed, changed));
    await at.undo([[w, null, one]], 'force');
    assert.deepEqual(await rows(), [text(changed, changed)]);
  });
}

test('a script for as many columns as there can be', async () => {
  await using at = await targetFixture(`CREATE TABLE w (${columns(1_600, 'int')})`);
  const w = await at.version('w');
  const [one, two] = [row(1, 1_600, (n) => String(n)), row(2, 1_600, (n) => String(n + 1))];
  await at.undo([[w, one, null]]);
  const changed = one.with(1_599, '-7');
  const script = await at.script([
    [w, two, null],
    [w, changed, one],
  ]);
  await at.client.query(script);
  assert.deepEqual(await at.rows('SELECT id, c1599 FROM w ORDER BY id'), ['(1,-7)', '(2,1599)']);
});

describe('rows as long as a page', () => {
  test('of values that cannot be stored apart', async () => {
    const count = 1_010;
    await using at = await targetFixture(`CREATE TABLE w (${columns(count, 'bigint')})`);
    const w = await at.version('w');
    const made: readonly Made[] = [1, 2, 3].map((id) => [
      w,
      row(id, count, (n) => String(n * id)),
      null,
    ]);
    assert.deepEqual((await at.undo(made)).conflicts, []);
    assert.equal((await at.rows('SELECT * FROM w')).length, 3);
  });

  test('of large texts, without a key, cascaded to and truncated, all the way from the log', async () => {
    const texts = (count: number): string =>
      Array.from({ length: count }, (_, n) => `c${n} text`).join(', ');
    const value = `repeat('x', 40)`;
    const list = Array.from({ length: 448 }, () => value).join(', ');
    await using at = await undoFixture(`
      CREATE TABLE p (id int PRIMARY KEY); ALTER TABLE p REPLICA IDENTITY FULL;
      CREATE TABLE k (id int PRIMARY KEY REFERENCES p ON DELETE CASCADE, ${texts(448)});
      CREATE TABLE bag (${texts(448)});
      ALTER TABLE k REPLICA IDENTITY FULL; ALTER TABLE bag REPLICA IDENTITY FULL`);
    await at.change('TRUNCATE bag');
    await at.change(`INSERT INTO p VALUES (1); INSERT INTO k VALUES (1, ${list});
      INSERT INTO bag VALUES (${list}), (${list})`);
    const before = await at.rows('SELECT * FROM k');
    const cascaded = await at.change('DELETE FROM p');
    const undone = await at.apply({ transaction: cascaded, tables: ['public.p'] });
    assert.deepEqual([undone.conflicts.list, undone.total], [[], 2]);
    assert.deepEqual(await at.rows('SELECT * FROM k'), before);
    const deleted = await at.change(`DELETE FROM bag WHERE ctid = (SELECT min(ctid) FROM bag)`);
    assert.equal((await at.apply({ transaction: deleted })).total, 1);
    const truncated = await at.change('TRUNCATE bag');
    assert.equal((await at.apply({ transaction: truncated })).total, 2);
    assert.equal((await at.rows('SELECT FROM bag')).length, 2);
  });
});
