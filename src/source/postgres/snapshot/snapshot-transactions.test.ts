import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SnapshotTransactions } from './snapshot-transactions.ts';

const position = (lsn: bigint): string => lsn.toString(16).toUpperCase().padStart(16, '0');
const NOW = 2n ** 40n;

test('what had ended is shown, what was in progress or began later is not', () => {
  const seen = new SnapshotTransactions('100:105:100,103', position(NOW));
  const shown = (id: number): boolean =>
    seen.includes({ id: String(id), position: position(NOW - 1n) });
  assert.deepEqual([99, 100, 101, 102, 103, 104, 105, 106].filter(shown), [99, 101, 102, 104]);
});

test('ids from before a wrap-around are of the past, although they look like later ones', () => {
  const snapshot = `${2n ** 32n + 50n}:${2n ** 32n + 60n}:${2n ** 32n + 55n}`;
  const seen = new SnapshotTransactions(snapshot, position(NOW));
  const long = position(NOW - 2n ** 36n);
  assert.equal(seen.includes({ id: '70', position: long }), true, 'ages ago');
  assert.equal(seen.includes({ id: '70', position: position(NOW) }), false, 'just now');
  assert.equal(seen.includes({ id: String(2 ** 32 - 1), position: position(NOW) }), true);
  assert.equal(seen.includes({ id: '55', position: position(NOW) }), false, 'in progress');
});
