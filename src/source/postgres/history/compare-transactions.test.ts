import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KnownTransaction, Parting } from '../../source-history.ts';
import { type SlotTransaction, TransactionComparison } from './compare-transactions.ts';

const transaction = (at: number, id = String(at)): KnownTransaction => ({
  id,
  position: String(at).padStart(16, '0'),
  committedAt: at * 10,
});
/** The position behind a transaction. */
const behind = (at: number): string => transaction(at + 1).position;
const empty = (at: number): SlotTransaction => ({
  ...transaction(at),
  end: behind(at),
  changes: false,
});

async function compare(
  logged: readonly KnownTransaction[],
  found: readonly (KnownTransaction | SlotTransaction)[],
  { from = 0, to = 100, begin = 0, leftOut = [] as readonly number[] } = {},
): Promise<Pick<Parting, 'abandoned' | 'to'> | null> {
  async function* each(): AsyncGenerator<KnownTransaction> {
    await Promise.resolve();
    yield* logged;
  }
  const comparison = new TransactionComparison({
    logged: each(),
    from: transaction(from).position,
    to: transaction(to).position,
    begin: transaction(begin).position,
    leftOut: new Set(leftOut.map((at) => transaction(at).position)),
  });
  let parting: Parting | null = null;
  for (const one of found) {
    const end = behind(Number(one.position));
    parting ??= await comparison.compare({ changes: true, end, ...one });
  }
  parting ??= await comparison.end();
  return parting === null ? null : { abandoned: parting.abandoned, to: parting.to };
}

/** `to`: behind this transaction, which both have; null: where the slot begins. */
const parted = (
  abandoned: number,
  common: number | null,
  begin = 0,
): Pick<Parting, 'abandoned' | 'to'> => ({
  abandoned: transaction(abandoned).position,
  to: common === null ? transaction(begin).position : behind(common),
});

const T = [10, 20, 30].map((at) => transaction(at));

test('the same, and what is in no log: without changes, or behind its position', async () => {
  assert.equal(await compare(T, T), null);
  assert.equal(await compare([], []), null);
  assert.equal(await compare(T, [empty(5), ...T, empty(40), transaction(100)]), null);
});

test('one that only the log has, in the middle and at the end', async () => {
  assert.deepEqual(await compare(T, T.toSpliced(1, 1)), parted(20, 10));
  assert.deepEqual(await compare(T, T.slice(0, 2)), parted(30, 20));
  assert.deepEqual(await compare(T, [], { begin: 5 }), parted(10, null, 5));
});

test('one that only the database has', async () => {
  assert.deepEqual(await compare(T, T.toSpliced(1, 0, transaction(15))), parted(15, 10));
  assert.deepEqual(await compare(T, [...T, transaction(40)]), parted(40, 30));
  assert.deepEqual(await compare([], [transaction(40)], { begin: 7 }), parted(40, null, 7));
});

test('another one at the same place: by its id, by its time', async () => {
  assert.deepEqual(await compare(T, T.with(1, transaction(20, '99'))), parted(20, 10));
  const later = { ...transaction(20), committedAt: 201 };
  assert.deepEqual(await compare(T, T.with(1, later)), parted(20, 10));
});

test('what retention has removed cannot be compared', async () => {
  assert.equal(await compare(T.slice(1), T, { from: 20 }), null);
  assert.equal(await compare([], T, { from: 100 }), null);
});

test('what the log says it lacks is no other history, and nothing else is excused by it', async () => {
  const found = [...T.slice(0, 2), transaction(25), T[2] ?? transaction(30)];
  assert.equal(await compare(T, found, { leftOut: [25] }), null);
  assert.deepEqual(await compare(T, found, { leftOut: [24, 26] }), parted(25, 20));
  assert.deepEqual(await compare(T, T.toSpliced(1, 1), { leftOut: [20] }), parted(20, 10));
});
