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
  assert.equal(caughtUpIn(0, null, 0), 0);
  assert.equal(caughtUpIn(0, 0, 0), 0);
  assert.equal(caughtUpIn(1_000, null, 100), 10);
  assert.equal(caughtUpIn(1_000, 9_000, 100), 100);
  assert.equal(caughtUpIn(0, 9_000, 100), 90);
  assert.equal(caughtUpIn(10, 0, 0), null, 'it does not get on');
});
