import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { append, changeOf, position, readAll, tableNamed } from '../log.contract.ts';
import type { Log } from '../log.ts';
import { toLogError } from './errors.ts';
import { openSqliteLog } from './sqlite-log.ts';
import { verifySqliteLog } from './verify.ts';

const SIZE = 12 * 1024 * 1024;
const mayMount = process.platform === 'linux' && process.getuid?.() === 0;
const skip = mayMount ? false : 'a small file system to fill can only be mounted as root on Linux';

const row = (table: number, n: number) => changeOf(table, `${n}`, `${n} `.padEnd(200, 'x'));

describe('a full disk', { skip }, () => {
  let disk = '';
  let directory = '';
  before(() => {
    disk = mkdtempSync(join(tmpdir(), 'tidings-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', disk]);
  });
  after(() => {
    execFileSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });
  beforeEach(() => {
    for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
    directory = join(disk, 'log');
  });

  const filler = () => join(disk, 'filler');
  const free = (): number => statfsSync(disk).bavail * statfsSync(disk).bsize;
  /** Leaves so many bytes free. */
  const fill = (left: number): void => writeFileSync(filler(), Buffer.alloc(free() - left, 1));
  const makeRoom = (): void => rmSync(filler());
  const open = (more = {}) => openSqliteLog({ directory, source: 'main', ...more });
  const verify = () => verifySqliteLog(directory, 'main', { signal: new AbortController().signal });
  const isFull = (error: unknown): boolean => isTidingsError(error, 'LOG_FULL');

  /** Appends and flushes until the disk is full. @returns the number of the transaction that failed. */
  async function appendUntilFull(log: Log, table: number, first = 1): Promise<number> {
    for (let number = first; ; number++) {
      append(
        log,
        number,
        Array.from({ length: 100 }, (_, n) => row(table, number * 1000 + n)),
      );
      try {
        await log.writer.flush();
      } catch (error) {
        assert.ok(isFull(error), String(error));
        return number;
      }
    }
  }

  test('a flush that fails leaves the log as the last one left it, and later all goes on', async () => {
    await using log = await open();
    const table = log.writer.defineTable(tableNamed('accounts'));
    await log.writer.flush();
    fill(1_000_000);
    const failed = await appendUntilFull(log, table);
    assert.ok(failed > 2);
    assert.equal(log.head, (failed - 1) * 100);
    assert.equal(log.position, position(failed - 1));
    assert.deepEqual(log.writer.pending, { records: 0, transactions: 0 });
    assert.equal((await readAll(log)).length, log.head);
    // Still full: nothing is taken that would leave a hole, and trying again fails again.
    assert.throws(() => append(log, failed + 1, [row(table, 1)]), isFull);
    const gap = { from: null, to: position(failed + 1), reason: 'left out', at: 0 };
    assert.throws(() => log.writer.recordGap(gap), isFull, 'a gap would hide what was lost');
    assert.equal(
      append(
        log,
        failed,
        Array.from({ length: 5000 }, (_, n) => row(table, n)),
      ),
      true,
    );
    await assert.rejects(log.writer.flush(), isFull);
    assert.equal(log.head, (failed - 1) * 100);
    makeRoom();
    for (const number of [failed, failed + 1]) {
      assert.equal(append(log, number, [row(table, number)]), true);
    }
    await log.writer.flush();
    assert.equal(log.head, (failed - 1) * 100 + 2);
    assert.deepEqual((await verify()).findings, []);
  });

  test('a failed flush shows no new table version and drops the open transaction', async () => {
    await using log = await open();
    const first = log.writer.defineTable(tableNamed('accounts'));
    append(log, 1, [row(first, 1)]);
    await log.writer.flush();
    fill(100_000);
    const second = log.writer.defineTable(tableNamed('orders'));
    append(
      log,
      2,
      Array.from({ length: 3000 }, (_, n) => row(second, n)),
    );
    log.writer.begin({ id: '3', position: position(3) });
    log.writer.append(row(second, 1));
    await assert.rejects(log.writer.flush(), isFull);
    assert.deepEqual(
      log.tables().map(({ name }) => name),
      ['accounts'],
    );
    assert.throws(() => log.writer.append(row(second, 2)), isFull);
    assert.throws(() => log.writer.commit({ committedAt: 3, context: null }), isFull);
    log.writer.abandon();
    makeRoom();
    assert.equal(log.writer.defineTable(tableNamed('orders')), second);
    for (const number of [2, 3]) assert.equal(append(log, number, [row(second, number)]), true);
    await log.writer.flush();
    assert.deepEqual(
      (await readAll(log)).map(({ key }) => key),
      ['1', '2', '3'],
    );
    assert.deepEqual((await verify()).findings, []);
  });

  test('a large transaction that does not fit gives back what it took', async () => {
    await using log = await open({ memoryBytes: 512 * 1024 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    append(log, 1, [row(table, 1)]);
    await log.writer.flush();
    const room = free();
    log.writer.begin({ id: '2', position: position(2) });
    assert.throws(() => {
      for (let n = 0; n < 200_000; n++) log.writer.append(row(table, n));
    }, isFull);
    assert.ok(free() > room - 200_000, 'its file is gone');
    assert.equal(log.head, 1);
    assert.equal(append(log, 2, [row(table, 2)]), true);
    await log.writer.flush();
    assert.equal(log.head, 2);
    assert.deepEqual((await verify()).findings, []);
  });

  test('a new segment that does not fit is not begun', async () => {
    await using log = await open({ segmentBytes: 150_000 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    for (let number = 1; number <= 10; number++) {
      append(
        log,
        number,
        Array.from({ length: 100 }, (_, n) => row(table, n)),
      );
      await log.writer.flush();
    }
    fill(20_000);
    const failed = await appendUntilFull(log, table, 11);
    assert.equal(log.head, (failed - 1) * 100);
    makeRoom();
    append(log, failed, [row(table, 1)]);
    await log.writer.flush();
    assert.deepEqual((await verify()).findings, []);
    assert.equal((await readAll(log)).length, log.head);
  });

  test('a full disk can be opened, read and closed; only a new log needs room', async () => {
    {
      await using log = await open();
      append(log, 1, [row(log.writer.defineTable(tableNamed('accounts')), 1)]);
      await log.writer.flush();
    }
    fill(0);
    {
      await using log = await open();
      assert.equal((await readAll(log)).length, 1);
      append(log, 2, [row(log.writer.defineTable(tableNamed('accounts')), 1)]);
      await assert.rejects(log.writer.flush(), isFull);
      assert.equal((await readAll(log)).length, 1);
    }
    await assert.rejects(openSqliteLog({ directory: join(disk, 'new'), source: 'main' }), isFull);
    makeRoom();
    await using log = await open();
    append(log, 2, [row(log.writer.defineTable(tableNamed('accounts')), 1)]);
    await log.writer.flush();
    assert.deepEqual((await verify()).findings, []);
  });
});

test('errors are named by what they are, with their cause', () => {
  const sqlite = (errcode: number) =>
    Object.assign(new Error('it failed'), { code: 'ERR_SQLITE_ERROR', errcode });
  const system = (code: string) => Object.assign(new Error(code), { code, syscall: 'write' });
  const cases: readonly (readonly [Error, string])[] = [
    [sqlite(13), 'LOG_FULL'],
    [sqlite(4874), 'LOG_FULL'],
    [sqlite(778), 'LOG_IO'],
    [sqlite(5), 'LOG_IO'],
    [sqlite(14), 'LOG_IO'],
    [sqlite(11), 'LOG_CORRUPT'],
    [sqlite(267), 'LOG_CORRUPT'],
    [sqlite(26), 'LOG_CORRUPT'],
    [system('ENOSPC'), 'LOG_FULL'],
    [system('EDQUOT'), 'LOG_FULL'],
    [system('EIO'), 'LOG_IO'],
    [system('EACCES'), 'LOG_IO'],
  ];
  for (const [error, code] of cases) {
    const named = toLogError(error, '/data/log');
    assert.ok(isTidingsError(named));
    assert.equal(named.code, code);
    assert.equal(named.cause, error);
    assert.match(named.message, /\/data\/log/);
  }
  const defect = new TypeError('a defect');
  assert.equal(toLogError(defect, '/data/log'), defect);
});
