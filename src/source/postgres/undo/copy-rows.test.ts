import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cell, encodeImages } from '../../../change/row-images.ts';
import { CopyRows, tupleEnd } from './copy-rows.ts';

/** Reads the text format of COPY as the server does, for the escapes that are written. */
function readCopy(text: string): (readonly Cell[])[] {
  const unescaped: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '\\': '\\' };
  const lines = text.split('\n');
  assert.equal(lines.pop(), '', 'the last row ends with a line break');
  return lines.map((line) =>
    line
      .split('\t')
      .map((cell) =>
        cell === '\\N'
          ? null
          : cell.replace(/\\(.)/g, (_, letter: string) => unescaped[letter] ?? '?'),
      ),
  );
}

const cell = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom('', '\\', '\\N', '\\.', '\t', '\r\n', 'a\\tb', 'ü🐘'),
);

test('every text, null and column comes through COPY', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      (rows, kept) => {
        const copy = new CopyRows(kept);
        for (const [number, cells] of rows.entries()) {
          const image = encodeImages({ before: null, after: cells });
          assert.equal(copy.add(number, image, 1), image.length);
          assert.equal(tupleEnd(image, 1), image.length);
        }
        const expected = rows.map((cells, number) => [
          String(number),
          ...cells.filter((_, index) => kept[index]),
        ]);
        assert.deepEqual(readCopy(copy.take().toString('utf8')), expected);
        assert.ok(copy.isEmpty);
      },
    ),
  );
});

test('a row larger than the buffer is taken whole, and says that it is time to send', () => {
  const copy = new CopyRows([true]);
  const text = '\\'.repeat(300_000);
  copy.add(1, encodeImages({ before: null, after: [text] }), 1);
  assert.ok(copy.isFull);
  assert.deepEqual(readCopy(copy.take().toString('utf8')), [['1', text]]);
});

test('an image that is not whole is never staged as if it were', () => {
  const image = encodeImages({ before: null, after: ['1', undefined] });
  assert.throws(() => new CopyRows([true, true]).add(1, image, 1), /not whole/);
  assert.equal(new CopyRows([true, false]).add(1, image, 1), image.length);
});
