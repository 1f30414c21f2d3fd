import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { changeOf, position, tableNamed } from '../../log/log.contract.ts';
import { openSqliteLog, type SqliteLog } from '../../log/sqlite/sqlite-log.ts';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import type { SourceSnapshot } from '../../source/table-snapshot.ts';
import { showsAllBefore } from './align.ts';
import { resolveMoment } from './log-boundary.ts';
import type { Moment } from './moment.ts';

let directory = '';
let log: SqliteLog;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-boundary-'));
  log = await openSqliteLog({ directory, source: 'main', segmentBytes: 130_000 });
});
afterEach(async () => {
  await log[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** Transaction `number` commits so many seconds after capture began. */
async function add(number: number, began: number, records = 3): Promise<void> {
  const { writer } = log;
  const table = writer.defineTable(tableNamed('accounts'));
  writer.begin({ id: String(number), position: position(number) });
  for (let row = 0; row < records; row++) writer.append(changeOf(table, `${row}`));
  writer.commit({ committedAt: began + number * 1_000_000, context: null });
  await writer.flush();
}

async function begin(): Promise<number> {
  log.writer.reached(position(0));
  await log.writer.flush();
  return (await log.beginning()) ?? assert.fail('it has begun');
}

const resolve = (moment: Moment): Promise<number> => resolveMoment(log, 'main', 'a.b', moment);

async function refused(moment: Moment, code: ErrorCode): Promise<void> {
  await assert.rejects(resolve(moment), (error) => isTidingsError(error, code), code);
}

test('a time is the end of what was committed before it, an offset its transaction’s beginning', async () => {
  await refused({ time: Date.now() * 1000 }, 'AS_OF_TOO_EARLY');
  const began = await begin();
  assert.equal(await resolve({ time: began }), 0);
  for (let number = 1; number <= 3; number++) await add(number, began);
  assert.equal(await resolve({ time: began + 500_000 }), 0, 'before the first change');
  assert.equal(await resolve({ time: began + 2_000_000 }), 3);
  assert.equal(await resolve({ time: began + 2_000_001 }), 6);
  assert.equal(await resolve({ time: began + 9_000_000 }), 9);
  assert.deepEqual([await resolve({ offset: 4 }), await resolve({ offset: 9 })], [3, 9]);
  await refused({ time: began - 1 }, 'AS_OF_TOO_EARLY');
  await refused({ offset: 10 }, 'AS_OF_AHEAD');
});

test('what retention removed, and what was lost, is not known', async () => {
  const began = await begin();
  for (let number = 1; number <= 30; number++) await add(number, began, 100);
  const floor = await log.trim(2_000);
  assert.ok(floor > 0);
  await refused({ offset: floor - 1 }, 'AS_OF_TOO_EARLY');
  await refused({ time: began }, 'AS_OF_TOO_EARLY');
  assert.equal(await resolve({ offset: floor }), floor);
  log.writer.recordGap({ from: null, to: null, reason: 'the slot was lost', at: 0 });
  await log.writer.flush();
  await add(40, began);
  await refused({ offset: floor }, 'AS_OF_GAP');
  await refused({ time: began + 35_000_000 }, 'AS_OF_GAP');
  assert.equal(await resolve({ offset: 3_000 }), 3_000, 'just after the loss');
  assert.equal(await resolve({ time: began + 41_000_000 }), 3_003);
});

test('a snapshot that lacks a transaction before the moment is not taken', async () => {
  const began = await begin();
  for (let number = 1; number <= 5; number++) await add(number, began);
  const without = (missing: string): Pick<SourceSnapshot, 'includes'> => ({
    includes: ({ id }) => id !== missing,
  });
  const shows = (missing: string, offset: number): Promise<boolean> =>
    showsAllBefore(without(missing), log, offset);
  assert.equal(await shows('2', 6), false);
  assert.equal(await shows('3', 6), true, 'it is after the moment');
  assert.equal(await shows('none', 15), true);
});
