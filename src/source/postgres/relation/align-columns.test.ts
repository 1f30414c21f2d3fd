import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignColumns, type CandidateColumn } from './align-columns.ts';

const INTEGER = 23;
const TEXT = 25;

const sent = (
  ...columns: readonly (readonly [string, number])[]
): Parameters<typeof alignColumns>[0] =>
  columns.map(([name, type]) => ({ name, type, modifier: -1, flagged: false }));

/** A column of the catalogue: written `since` the change or `within` its transaction, `dropped`, `generated`. */
const now = (
  number: number,
  name: string,
  type: number,
  ...marks: readonly ('since' | 'within' | 'dropped' | 'generated')[]
): CandidateColumn => ({
  number,
  name,
  type: marks.includes('dropped') ? 0 : type,
  modifier: -1,
  touched: marks.includes('since') ? 'since' : marks.includes('within') ? 'within' : 'before',
  dropped: marks.includes('dropped'),
  generated: marks.includes('generated'),
});

test('what nobody has touched is what it was', () => {
  const columns = sent(['a', INTEGER], ['b', TEXT]);
  assert.deepEqual(alignColumns(columns, [now(1, 'a', INTEGER), now(3, 'b', TEXT)]), [1, 3]);
});

test('a renamed column is found by its place', () => {
  const columns = sent(['a', INTEGER], ['b', TEXT]);
  const found = alignColumns(columns, [now(1, 'nr', INTEGER, 'since'), now(2, 'b', TEXT)]);
  assert.deepEqual(found, [1, 2]);
});

test('two that took each other’s names are not told apart by them', () => {
  const columns = sent(['a', INTEGER], ['b', INTEGER]);
  const swapped = [now(1, 'b', INTEGER, 'since'), now(2, 'a', INTEGER, 'since')];
  // Both have to be there, in their order.
  assert.deepEqual(alignColumns(columns, swapped), [1, 2]);
});

test('a column dropped since is found; one dropped before is not there', () => {
  const columns = sent(['a', INTEGER], ['b', TEXT]);
  const since = [now(1, 'a', INTEGER), now(2, '', 0, 'dropped', 'since')];
  assert.deepEqual(alignColumns(columns, since), [1, 2]);
  const before = [now(1, 'a', INTEGER), now(2, '', 0, 'dropped'), now(3, 'b', TEXT)];
  assert.deepEqual(alignColumns(columns, before), [1, 3]);
});

test('one dropped and added again under its name since is the one that was there first', () => {
  const columns = sent(['a', INTEGER], ['b', TEXT]);
  const again = [
    now(1, 'a', INTEGER),
    now(2, '', 0, 'dropped', 'since'),
    now(3, 'b', TEXT, 'since'),
  ];
  assert.deepEqual(alignColumns(columns, again), [1, 2]);
  const renamed = [now(1, 'a', INTEGER), now(2, 'b2', TEXT, 'since'), now(3, 'b', TEXT, 'since')];
  assert.deepEqual(alignColumns(columns, renamed), [1, 2]);
});

test('in the transaction that changes the columns, their names tell before from after', () => {
  const columns = sent(['a', INTEGER], ['b', TEXT]);
  const catalogue = [
    now(1, 'a', INTEGER),
    now(2, '', 0, 'dropped', 'within'),
    now(3, 'b', TEXT, 'within'),
  ];
  assert.deepEqual(alignColumns(columns, catalogue), [1, 3]);
  const alike = [now(1, 'a', INTEGER), now(2, 'x', TEXT, 'within'), now(3, 'y', TEXT, 'within')];
  assert.deepEqual(alignColumns(columns, alike), [1, undefined]);
});

test('columns added since are left aside, computed ones may be published or not', () => {
  const columns = sent(['a', INTEGER], ['c', INTEGER]);
  const added = [now(1, 'a', INTEGER), now(2, 'g', INTEGER, 'generated'), now(3, 'c', INTEGER)];
  assert.deepEqual(alignColumns(columns, [...added, now(4, 'd', TEXT, 'since')]), [1, 3]);
  const published = sent(['a', INTEGER], ['g', INTEGER], ['c', INTEGER]);
  assert.deepEqual(alignColumns(published, added), [1, 2, 3]);
});

test('what contradicts the catalogue is not known', () => {
  const columns = sent(['a', INTEGER], ['b', TEXT]);
  assert.deepEqual(alignColumns(columns, [now(1, 'a', INTEGER)]), [undefined, undefined]);
  assert.deepEqual(alignColumns(columns, []), [undefined, undefined]);
});

test('1,600 columns are no matter', () => {
  const many = Array.from({ length: 1_600 }, (_, at): [string, number] => [`c${at}`, INTEGER]);
  const candidates = many.map(([name, type], at) => now(at + 1, name, type));
  assert.equal(alignColumns(sent(...many), candidates).at(-1), 1_600);
});
