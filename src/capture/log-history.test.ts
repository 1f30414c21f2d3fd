import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { rewindChange, rewindTable } from '../change/rewind.ts';
import { changeOf, position, tableNamed } from '../log/log.contract.ts';
import { openSqliteLog, type SqliteLog } from '../log/sqlite/sqlite-log.ts';
import { findAbandoned, knownHistory } from './log-history.ts';

let directory = '';
let log: SqliteLog;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-history-'));
  log = await openSqliteLog({ directory, source: 'main', segmentBytes: 1 });
});
afterEach(async () => {
  await log[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

/** A transaction of so many records at a place of the source's history. */
async function append(history: string, at: number, records = 1): Promise<void> {
  const { writer } = log;
  const table = writer.defineTable(tableNamed('accounts'));
  writer.begin({ id: String(at), position: history + position(at) });
  for (let count = 0; count < records; count++) writer.append(changeOf(table, `${at}`));
  writer.commit({ committedAt: at, context: null });
  writer.reached(history + position(at + 1));
  await writer.flush();
}

/** The source's history has gone back to a place, and the log goes on with it. */
async function fork(history: string, to: number, abandoned: number): Promise<void> {
  const { writer } = log;
  const noted = { abandoned, from: log.position ?? '', to: history + position(to), reason: 'x' };
  writer.recordFork({ ...noted, at: 1 });
  writer.begin({ id: '0', position: history });
  const notice = { abandonedFrom: abandoned, abandonedBefore: log.head, historyLost: false };
  const table = writer.defineTable(rewindTable('postgresql'));
  writer.append(rewindChange(table, { ...notice, reason: 'x' }));
  writer.commit({ committedAt: 1, context: null });
  writer.reached(noted.to);
  await writer.flush();
}

async function since(at: number): Promise<readonly number[]> {
  const known = knownHistory(log);
  assert.ok(known);
  const places: number[] = [];
  const { transactions } = await known.since(position(at));
  for await (const transaction of transactions) places.push(Number(`0x${transaction.position}`));
  return places;
}

test('a log that has begun nothing has no history', async () => {
  assert.equal(knownHistory(log), null);
  await append('', 10);
  assert.equal(knownHistory(log)?.position, position(11));
});

test('the history leads past what was abandoned, through two forks', async () => {
  for (const [at, records] of [
    [10, 1],
    [20, 3],
    [30, 2],
    [40, 1],
  ] as const)
    await append('', at, records);
  assert.deepEqual(await since(0), [10, 20, 30, 40]);
  assert.deepEqual(await since(21), [30, 40]);
  assert.deepEqual(await findAbandoned(log, position(25)), { offset: 4, changes: 3 });
  await fork('r0001.', 25, 4);
  await append('r0001.', 26);
  await append('r0001.', 40, 2);
  assert.deepEqual(await since(0), [10, 20, 26, 40]);
  for (const [from, expected] of [
    [20, [20, 26, 40]],
    [21, [26, 40]],
    [26, [26, 40]],
    [27, [40]],
    [41, []],
  ] as const)
    assert.deepEqual(await since(from), expected, String(from));

  // Further back than before: what the first fork left is abandoned as well.
  assert.deepEqual(await findAbandoned(log, position(15)), { offset: 1, changes: 10 });
  await fork('r0002.', 15, 1);
  await append('r0002.', 17);
  assert.deepEqual(await since(0), [10, 17]);
  const newest = (await knownHistory(log)?.newest(100)) ?? [];
  assert.deepEqual(
    newest.map(({ id }) => id),
    ['17', '10'],
  );
});

test('what retention has removed is not claimed to be there', async () => {
  for (const at of [10, 20, 30]) await append('', at);
  const known = knownHistory(log);
  assert.equal((await known?.since(position(5)))?.from, '');
  await log.trim(1);
  assert.equal((await knownHistory(log)?.since(position(5)))?.from, position(20));
  await log.trim(3);
  assert.equal((await knownHistory(log)?.since(position(5)))?.from, position(31));
  await fork('r0001.', 25, 3);
  await log.trim(3);
  assert.equal((await knownHistory(log)?.since(position(5)))?.from, position(25));
});

test('where the log lacks transactions and says so, but for what was abandoned', async () => {
  const leftOut = async (): Promise<readonly number[]> => {
    const found = await knownHistory(log)?.since(position(0));
    return [...(found?.leftOut ?? [])].map((place) => Number(`0x${place}`));
  };
  const lose = async (history: string, at: number): Promise<void> => {
    const [from, to] = [history + position(at), history + position(at + 1)];
    log.writer.recordGap({ from, to, reason: 'x', at });
    log.writer.reached(to);
    await log.writer.flush();
  };
  await append('', 10);
  await lose('', 15);
  await append('', 20);
  await lose('', 25);
  assert.deepEqual(await leftOut(), [15, 25]);
  await fork('r0001.', 21, 2);
  assert.deepEqual(await leftOut(), [15]);
  await lose('r0001.', 25);
  assert.deepEqual(await leftOut(), [15, 25]);
  await fork('r0002.', 12, 1);
  assert.deepEqual(await leftOut(), []);
});
