import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLocks } from './check-locks.ts';

const FIX = /^ALTER SYSTEM SET max_locks_per_transaction = (\d+);/;

for (const [what, relations, room, status] of [
  ['few tables', 50, 6_400, 'ok'],
  ['as many as there are locks', 6_400, 6_400, 'ok'],
  ['more tables than locks', 20_000, 6_400, 'warning'],
  ['a lock table that is smaller than one step of set-up', 20_000, 150, 'failed'],
  ['a small lock table, and fewer tables', 100, 150, 'ok'],
] as const) {
  test(`the lock table: ${what}`, () => {
    const perTransaction = 64;
    const result = checkLocks({ relations, room, perTransaction });
    assert.equal(result.status, status);
    if (status === 'ok') return;
    const setting = Number(FIX.exec(result.sql ?? '')?.[1]);
    const after = (room / perTransaction) * setting;
    assert.notEqual(checkLocks({ relations, room: after, perTransaction: setting }).status, status);
  });
}
