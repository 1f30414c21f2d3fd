import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFull, rotatedName } from './rotation.ts';

const DAY = 86_400_000;
const NOON = Date.UTC(2026, 10, 30, 12);

test('a file is full by its size', () => {
  const full = (bytes: number): boolean => isFull({ size: 1_000 }, { bytes, at: NOON }, NOON);
  assert.deepEqual([0, 999, 1_000, 5_000].map(full), [false, false, true, true]);
});

test('a period ends for what was written in it, whenever somebody looks', () => {
  const full = (at: number, now: number): boolean => isFull({ every: DAY }, { bytes: 1, at }, now);
  assert.equal(full(NOON, NOON + DAY / 2 - 1), false, 'until midnight');
  assert.equal(full(NOON, NOON + DAY / 2), true);
  assert.equal(full(NOON, NOON + 20 * DAY), true, 'after days without a change');
  assert.equal(full(NOON, NOON - DAY), true, 'a clock that was put back is another period');
});

test('an empty file is never full, and without limits none is', () => {
  assert.equal(isFull({ size: 1, every: 1 }, { bytes: 0, at: 0 }, NOON), false);
  assert.equal(isFull({}, { bytes: 1e15, at: 0 }, NOON), false);
});

test('the names of full files sort by time, and none is taken twice', () => {
  const name = (now: number, nth = 0): string => rotatedName('/out/changes.ndjson', now, nth);
  assert.equal(name(NOON), '/out/changes.2026-11-30T12-00-00-000Z.ndjson');
  assert.equal(name(NOON, 1), '/out/changes.2026-11-30T12-00-00-000Z-1.ndjson');
  assert.equal(rotatedName('/out/changes', NOON, 0), '/out/changes.2026-11-30T12-00-00-000Z');
  assert.ok(name(NOON) < name(NOON + 1));
});
