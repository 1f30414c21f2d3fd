import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VisibilitySnapshot } from '../source/source.ts';
import { VisibilityGate } from './visibility-gate.ts';

/** A source whose visible transactions the test decides; each question waits for `answer`. */
function controlled() {
  const visible = new Set<string>();
  const horizons: number[] = [];
  const failures: unknown[] = [];
  const stop = new AbortController();
  let asked = 0;
  let failNext: Error | null = null;
  const gate = new VisibilityGate(0, {
    snapshot: (): Promise<VisibilitySnapshot> => {
      asked += 1;
      if (failNext !== null) {
        const error = failNext;
        failNext = null;
        return Promise.reject(error);
      }
      return Promise.resolve({ visible: (id) => visible.has(id), inProgress: [] });
    },
    advance: (offset) => horizons.push(offset),
    onFailure: (error) => failures.push(error),
    signal: stop.signal,
  });
  return {
    gate,
    visible,
    horizons,
    failures,
    stop,
    asked: () => asked,
    fail: (error: Error) => {
      failNext = error;
    },
  };
}

test('the horizon passes a transaction only when it is visible and durable', async () => {
  const { gate, visible, horizons } = controlled();
  gate.expect('7', 3);
  visible.add('7');
  gate.ask();
  await gate.settled();
  assert.deepEqual(horizons, [], 'visible, but not durable yet');
  gate.durable(3);
  assert.deepEqual(horizons, [3]);
});

test('an invisible transaction holds back all later ones, visible or not (invariant 4)', async () => {
  const { gate, visible, horizons } = controlled();
  gate.expect('7', 1);
  gate.expect('8', 2);
  gate.expect('9', 3);
  gate.durable(3);
  visible.add('7');
  visible.add('9');
  gate.ask();
  while (horizons.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(horizons, [1]);
  visible.add('8');
  await gate.settled();
  assert.deepEqual(horizons, [1, 3]);
});

test('one question serves a whole burst', async () => {
  const { gate, visible, asked, horizons } = controlled();
  for (let id = 1; id <= 1_000; id++) {
    visible.add(String(id));
    gate.expect(String(id), id);
  }
  gate.durable(1_000);
  gate.ask();
  gate.ask();
  await gate.settled();
  assert.equal(asked(), 1);
  assert.deepEqual(horizons, [1_000]);
});

test('what did not become durable is forgotten and may come again', async () => {
  const { gate, visible, horizons } = controlled();
  visible.add('7').add('8');
  gate.expect('7', 1);
  gate.expect('8', 2);
  gate.ask();
  await gate.settled();
  gate.durable(1);
  gate.forget(1);
  visible.delete('8');
  gate.expect('8', 2);
  gate.durable(2);
  gate.ask();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(horizons, [1], 'the second arrival is asked about anew');
  visible.add('8');
  await gate.settled();
  assert.deepEqual(horizons, [1, 2]);
});

test('a failed question is reported and asked again', async () => {
  const { gate, visible, horizons, failures, fail } = controlled();
  fail(new Error('connection lost'));
  visible.add('7');
  gate.expect('7', 1);
  gate.durable(1);
  gate.ask();
  await gate.settled();
  assert.equal(failures.length, 1);
  assert.deepEqual(horizons, [1]);
});

test('abort ends the wait for a transaction that never becomes visible', async () => {
  const { gate, stop, horizons } = controlled();
  gate.expect('7', 1);
  gate.durable(1);
  gate.ask();
  stop.abort();
  await gate.settled();
  assert.deepEqual(horizons, []);
});
