import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fifo } from './fifo.ts';

test('what came first leaves first, also when many come and go', () => {
  const fifo = new Fifo<number>();
  let pushed = 0;
  let shifted = 0;
  for (let round = 0; round < 50; round++) {
    for (let index = 0; index < 200; index++) fifo.push(pushed++);
    for (let index = 0; index < 170; index++) assert.equal(fifo.shift(), shifted++);
    assert.equal(fifo.size, pushed - shifted);
  }
  while (fifo.size > 0) assert.equal(fifo.shift(), shifted++);
  assert.equal(fifo.shift(), undefined);
  assert.equal(shifted, pushed);
});
