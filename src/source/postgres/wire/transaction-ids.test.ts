import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isBefore } from '../relation/define-relation.ts';

test('ids of 32 bits begin anew: the earlier one is less than half of that behind', () => {
  const last = 2 ** 32 - 1;
  assert.equal(isBefore(5, 6), true);
  assert.equal(isBefore(6, 6), false);
  assert.equal(isBefore(6, 5), false);
  assert.equal(isBefore(last, 3), true);
  assert.equal(isBefore(3, last), false);
  assert.equal(isBefore(2 ** 31 - 1, 2 ** 31), true);
  assert.equal(isBefore(3, 3 + 2 ** 31 - 1), true);
  assert.equal(isBefore(3 + 2 ** 31 - 1, 3), false);
});
