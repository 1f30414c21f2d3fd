import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cell, encodeImages } from '../../../change/row-images.ts';
import { CopyPairs } from './copy-pairs.ts';

const CELLS = 4;
const cell = fc.constantFrom(null, '', 'a', 'ab', 'tab\t', '\\N', 'ü');
const row = fc.array(cell, { minLength: CELLS, maxLength: CELLS });

function lines(copy: CopyPairs): readonly (readonly string[])[] {
  const text = copy.take().toString('utf8');
  return text === ''
    ? []
    : text
        .slice(0, -1)
        .split('\n')
        .map((line) => line.split('\t'));
}

function asCopied(value: Cell): string {
  return value === null || value === undefined
    ? '\\N'
    : value.replaceAll('\\', '\\\\').replaceAll('\t', '\\t');
}

test('the new row whole, and the old one where it may differ', () => {
  fc.assert(
    fc.property(
      row,
      row,
      fc.array(fc.boolean(), { minLength: CELLS, maxLength: CELLS }),
      (old, now, kept) => {
        const columns = kept.flatMap((is, index) => (is ? [index] : []));
        const images = encodeImages({ before: { kind: 'old', cells: old }, after: now });
        const copy = new CopyPairs(kept);
        const differing = columns.filter((index) => old[index] !== now[index]);
        const more = copy.add(7, images);
        assert.deepEqual(more, differing);
        if (more.length > 0) {
          assert.ok(copy.isEmpty, 'nothing of a row that does not fit');
          copy.widen(new Set(more));
          assert.deepEqual(copy.add(7, images), []);
        }
        const cells = [...columns.map((at) => now[at]), ...differing.map((at) => old[at])];
        assert.deepEqual(lines(copy), [['7', ...cells.map(asCopied)]]);
      },
    ),
  );
});

test('what may differ stays so, in the order of the columns', () => {
  const copy = new CopyPairs([true, true, true]);
  copy.widen(new Set([2]));
  copy.widen(new Set([0]));
  const images = encodeImages({
    before: { kind: 'old', cells: ['1', 'x', '2'] },
    after: ['3', 'x', '4'],
  });
  assert.deepEqual(copy.add(1, images), []);
  assert.deepEqual(lines(copy), [['1', '3', 'x', '4', '1', '2']]);
});

test('an image that is not whole is never staged as if it were', () => {
  const copy = new CopyPairs([true]);
  const images = encodeImages({ before: { kind: 'old', cells: [undefined] }, after: [undefined] });
  assert.throws(() => copy.add(1, images), /not whole/);
});
