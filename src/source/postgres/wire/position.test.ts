import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lsnToPosition, positionToLsn, positionToWords, wordsToPosition } from './position.ts';

const word = fc.integer({ min: 0, max: 0xffffffff });

test('an LSN survives the way to a position and back', () => {
  fc.assert(
    fc.property(word, word, (high, low) => {
      const lsn = `${high.toString(16)}/${low.toString(16)}`.toUpperCase();
      const position = lsnToPosition(lsn);
      assert.equal(position, wordsToPosition(high, low));
      assert.equal(positionToLsn(position), lsn);
      assert.deepEqual(positionToWords(position), [high, low]);
    }),
  );
});

test('positions sort as text the way LSNs sort as numbers', () => {
  const lsn = fc.tuple(word, word);
  fc.assert(
    fc.property(lsn, lsn, (one, other) => {
      const number = ([high, low]: readonly [number, number]): bigint =>
        (BigInt(high) << 32n) | BigInt(low);
      assert.equal(
        wordsToPosition(...one) < wordsToPosition(...other),
        number(one) < number(other),
      );
    }),
  );
});

test('what is no LSN or no position is refused', () => {
  for (const text of ['', '1', '1/', '/1', '1/G', '123456789/0', '0/0\n']) {
    assert.throws(() => lsnToPosition(text), RangeError, text);
  }
  for (const text of ['', '0/0', '00000000000000ff', '0000000000000000 ']) {
    assert.throws(() => positionToLsn(text), RangeError, text);
  }
});
