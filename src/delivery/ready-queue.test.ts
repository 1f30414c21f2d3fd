import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoggedTable } from '../log/log.ts';
import { Delivery } from './delivery.ts';
import { ReadyQueue } from './ready-queue.ts';

const TABLE: LoggedTable = {
  id: 1,
  schema: 'public',
  name: 't',
  columns: [],
  key: [],
  identity: 'full',
  dialect: 'test',
};

function ready(offset: number, attempts: number): Delivery {
  const subject = { offset, table: TABLE, key: String(offset), previousKey: null };
  return new Delivery(subject, null, { state: 'ready', attempts });
}

test('first attempts go ahead, and retries still get on', () => {
  const queue = new ReadyQueue(16);
  for (let offset = 0; offset < 12; offset++) queue.add(ready(offset, offset < 6 ? 0 : 1));
  const taken = Array.from({ length: 12 }, () => queue.take(0)?.offset);
  assert.deepEqual(taken, [0, 1, 2, 6, 3, 4, 5, 7, 8, 9, 10, 11]);
  assert.equal(queue.take(0), undefined);
});

test('retries never take more than half of the places', () => {
  const queue = new ReadyQueue(4);
  queue.add(ready(1, 3));
  assert.equal(queue.take(2), undefined);
  queue.add(ready(2, 0));
  assert.equal(queue.take(2)?.offset, 2);
  assert.equal(queue.take(1)?.offset, 1);
});

test('with a single place both kinds get on', () => {
  const queue = new ReadyQueue(1);
  for (let offset = 0; offset < 4; offset++) queue.add(ready(offset, 0));
  queue.add(ready(9, 1));
  assert.deepEqual(
    Array.from({ length: 5 }, () => queue.take(0)?.offset),
    [0, 1, 2, 9, 3],
  );
});
