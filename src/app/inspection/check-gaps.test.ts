import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogGap } from '../../log/log.ts';
import { checkGaps } from './check-gaps.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const DAY = 24 * 3_600_000;

function gap(offset: number, days: number): LogGap {
  const at = (NOW - days * DAY) * 1000;
  return { offset, from: '0000000001931490', to: '000000000802A598', reason: `why ${offset}`, at };
}

test('a log without gaps is not spoken of', () => {
  assert.deepEqual(checkGaps('main', [], NOW), []);
});

test('a gap of the last days is warned of, with its number, time, place and what to do', () => {
  const [check, ...others] = checkGaps('main', [gap(7, 30), gap(12, 1)], NOW);
  assert.deepEqual(others, []);
  assert.equal(check?.name, 'gaps of main');
  assert.equal(check.status, 'warning');
  assert.match(check.message, /^1 gap of the last 7 days \(2 in all\), the last before offset 12,/);
  assert.match(
    check.message,
    /found 2026-11-29T12:00:00\.000Z, from 0{8}01931490 to \S+: why 12\./,
  );
  assert.match(check.fix ?? '', /^tidings log verify --source main /);
});

test('several, in any order; and a beginning that is not known', () => {
  const [check] = checkGaps('main', [{ ...gap(12, 1), from: null }, gap(7, 2)], NOW);
  assert.match(check?.message ?? '', /^2 gaps of the last 7 days, the last before offset 12,/);
  assert.match(check?.message ?? '', /from an unknown position to 0{8}0802A598/);
});

test('an old gap is said and no warning any more', () => {
  const [check] = checkGaps('main', [gap(7, 30)], NOW);
  assert.equal(check?.status, 'ok');
  assert.match(check.message, /^1 gap, the last before offset 7,/);
});
