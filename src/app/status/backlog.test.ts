import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceStatus } from '../../source/source.ts';
import { Backlog, caughtUpIn } from './backlog.ts';

function status(walBytes: number | null, lagBytes: number | null): SourceStatus {
  return { head: null, walBytes, lagBytes, retainedBytes: null, safeBytes: null, state: null };
}

test('what waits in the WAL is estimated by what the captured changes took of it', () => {
  const backlog = new Backlog();
  assert.equal(backlog.records(1_000), null, 'nothing is known yet');
  backlog.note(status(10_000_000, 9_000_000), 0);
  backlog.note(status(10_000_000, 8_990_000), 50);
  assert.equal(backlog.records(8_990_000), null, 'fifty say little');
  backlog.note(status(11_000_000, 9_000_000), 5_000);
  assert.equal(backlog.records(9_000_000), 45_000, '200 bytes each');
  assert.equal(backlog.records(56), 0, 'a heartbeat is none');
  assert.equal(backlog.records(null), null);
  backlog.note(status(null, null), 6_000);
  assert.equal(backlog.records(2_000), 10);
});

test('the time to catch up has what is not captured in it', () => {
  const state = 'live';
  assert.equal(caughtUpIn({ lag: 0, speed: 0, state }, null), 0);
  assert.equal(caughtUpIn({ lag: 0, speed: 0, state }, 0), 0);
  assert.equal(caughtUpIn({ lag: 1_000, speed: 100, state }, null), 10);
  assert.equal(caughtUpIn({ lag: 1_000, speed: 100, state }, 9_000), 100);
  assert.equal(caughtUpIn({ lag: 0, speed: 100, state }, 9_000), 90);
  assert.equal(caughtUpIn({ lag: 10, speed: 0, state }, 0), null, 'it does not get on');
});

test('one that was just stopped does not catch up at the pace that it had', () => {
  for (const state of ['paused', 'stopped', 'draining'] as const) {
    assert.equal(caughtUpIn({ lag: 10, speed: 5, state }, 0), null, state);
    assert.equal(caughtUpIn({ lag: 0, speed: 5, state }, 0), 0, state);
  }
  for (const state of ['catching up', 'full'] as const) {
    assert.equal(caughtUpIn({ lag: 10, speed: 5, state }, 0), 2, state);
  }
});
