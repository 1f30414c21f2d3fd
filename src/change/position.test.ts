import assert from 'node:assert/strict';
import { test } from 'node:test';
import { historyOf, nextHistory, sourcePosition } from './position.ts';

test('positions of later histories sort after all of those before', () => {
  const first = nextHistory('');
  const second = nextHistory(first);
  const positions = ['0000000000000000', 'FFFFFFFFFFFFFFFF', first, `${first}0000000000000000`];
  positions.push(`${first}FFFFFFFFFFFFFFFF`, `${second}0000000000000001`);
  let history = second;
  for (let count = 0; count < 20; count++) history = nextHistory(history);
  positions.push(`${history}0000000000000000`);
  assert.deepEqual(positions.toSorted(), positions);
});

test('a position says its history and what the source calls it', () => {
  assert.deepEqual([null, '00000000016B3748', 'r0001.00000000016B3748', 'r0012.'].map(historyOf), [
    '',
    '',
    'r0001.',
    'r0012.',
  ]);
  assert.equal(sourcePosition('r0001.00000000016B3748'), '00000000016B3748');
  assert.equal(sourcePosition('00000000016B3748'), '00000000016B3748');
});
