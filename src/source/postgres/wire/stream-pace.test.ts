import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaceRule } from './stream-pace.ts';

const SMALL = 400;

/** Small turns 10 µs apart, until the rule wants to rest. Returns the time then. */
function becomeBusy(rule: PaceRule, from: number): number {
  for (let now = from; now < from + 100; now += 0.01) {
    if (rule.turn(now, SMALL, false)) return now;
  }
  throw new Error('never rested');
}

test('changes that come one by one are never delayed', () => {
  const rule = new PaceRule();
  // A thousand a second, each in three parts: beginning, row, end.
  for (let second = 0; second < 5_000; second++) {
    for (const part of [0, 0.02, 0.04]) {
      assert.equal(rule.turn(second + part, SMALL, false), false);
    }
  }
});

test('an unbroken flow of small turns leads to a rest within a few milliseconds', () => {
  assert.ok(becomeBusy(new PaceRule(), 0) < 3);
});

test('a busy stream rests whenever it has read what there was', () => {
  const rule = new PaceRule();
  let now = becomeBusy(rule, 0);
  for (let round = 0; round < 100; round++) {
    now += 2;
    assert.equal(rule.turn(now, 60_000, true), false, 'more may be waiting');
    assert.equal(rule.turn(now + 0.1, SMALL, false), true, 'now it was all');
  }
});

test('rests that collect little end the busy state', () => {
  const rule = new PaceRule();
  let now = becomeBusy(rule, 0);
  let rests = 0;
  do {
    now += 2;
    rests += 1;
  } while (rule.turn(now, SMALL, true));
  assert.ok(rests > 1 && rests < 50, `${rests} rests`);
  assert.equal(rule.turn(now + 5, SMALL, false), false);
});
