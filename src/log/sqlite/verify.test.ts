import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { append, changeOf, readAll, tableNamed } from '../log.contract.ts';
import { markOf } from '../log-marks.contract.ts';
import { RUN_RECORDS } from './format.ts';
import { openSqliteLog, openSqliteLogReader } from './sqlite-log.ts';
import { listSegments } from './segment-files.ts';
import { statedFloor } from './stated-floor.ts';
import { verifySqliteLog } from './verify.ts';

const never = new AbortController().signal;

describe('verify', () => {
  let original = '';
  let directory = '';
  let segments: readonly string[] = [];
  before(async () => {
    original = mkdtempSync(join(tmpdir(), 'tidings-log-'));
    await using log = await openSqliteLog({
      directory: original,
      source: 'main',
      segmentBytes: 3_000_000,
    });
    const tables = ['accounts', 'orders'].map((name) => log.writer.defineTable(tableNamed(name)));
    for (let number = 1; (await log.size()).segments < 3; number++) {
      const changes = Array.from({ length: 100 }, (_, n) =>
        changeOf(tables[n % 2] ?? 0, `${number}:${n}`, 'x'.repeat(100)),
      );
      append(log, number, changes);
      if (number % 40 === 20) log.writer.mark(markOf(`ord_${number}`), { after: null, at: 1 });
      if (number % 40 === 0) await log.writer.flush();
    }
    log.writer.recordGap({ from: null, to: null, reason: 'slot dropped', at: 5 });
    await log.writer.flush();
  });
  after(() => rmSync(original, { recursive: true, force: true }));
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-log-'));
    cpSync(original, directory, { recursive: true });
    segments = listSegments(directory).map(({ path }) => path);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const verify = () => verifySqliteLog(directory, 'main', { signal: never });
  const messages = async (): Promise<string[]> =>
    (await verify()).findings.map(({ message }) => message);
  function damage(segment: number, sql: string): void {
    using db = new DatabaseSync(segments[segment] ?? '');
    db.exec(sql);
  }

  test('a log in good order has no findings; all of it is counted', async () => {
    await using reader = await openSqliteLogReader({ directory, source: 'main' });
    const progress: number[] = [];
    const result = await verifySqliteLog(directory, 'main', {
      signal: never,
      onProgress: (records, total) => {
        assert.equal(total, reader.head);
        progress.push(records);
      },
    });
    assert.deepEqual(result.findings, []);
    assert.deepEqual([result.records, result.segments], [reader.head, 3]);
    assert.deepEqual(result.gaps, await reader.gaps());
    assert.deepEqual(result.marks, reader.marks());
    assert.ok(result.marks.length > 0);
    assert.equal(progress.at(-1), reader.head);
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    );
    assert.ok(reader.head > RUN_RECORDS);
  });

  test('it works while a writer writes, and writes nothing itself', async () => {
    await using log = await openSqliteLog({ directory, source: 'main' });
    append(log, 1_000_000, [changeOf(log.writer.defineTable(tableNamed('accounts')), '1')]);
    await log.writer.flush();
    const before = segments.map((path) => readFileSync(path));
    assert.deepEqual(await messages(), []);
    for (const [index, path] of segments.entries())
      assert.ok(before[index]?.equals(readFileSync(path)));
  });

  test('it ends when it is told to', async () => {
    const stop = new AbortController();
    const verifying = verifySqliteLog(directory, 'main', {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await assert.rejects(verifying, { message: 'enough' });
  });

  const damages: readonly (readonly [what: string, sql: string, expected: RegExp])[] = [
    [
      'a changed image',
      `UPDATE block SET images = zeroblob(length(images)) WHERE first = (SELECT max(first) FROM block)`,
      /records does not match its checksum/,
    ],
    [
      'a changed key',
      `UPDATE block SET records = replace(records, ':7"', ':8"') WHERE first = (SELECT min(first) FROM block)`,
      /records does not match its checksum/,
    ],
    [
      'a missing block',
      `DELETE FROM block WHERE first = (SELECT first FROM block LIMIT 1 OFFSET 3)`,
      /the offsets \d+ to \d+ are missing/,
    ],
    [
      'a missing transaction',
      `DELETE FROM txn WHERE first = (SELECT first FROM txn LIMIT 1 OFFSET 3)`,
      /no transaction holds the offsets \d+ to \d+/,
    ],
    [
      'a changed transaction',
      `UPDATE txn SET context = '{"actor":"eve"}' WHERE first = (SELECT min(first) FROM txn)`,
      /the transaction does not match its checksum/,
    ],
    [
      'a part of a transaction',
      `DELETE FROM txn WHERE first = (SELECT max(first) FROM txn)`,
      /records beyond the last transaction/,
    ],
    [
      'missing records',
      `DELETE FROM block WHERE first = (SELECT max(first) FROM block)`,
      /records are missing from offset \d+/,
    ],
    [
      'a missing table version',
      `DELETE FROM table_version WHERE id = 2`,
      /table version 2 is missing/,
    ],
    [
      'a changed table version',
      `UPDATE table_version SET definition = replace(definition, 'bigint', 'int') WHERE id = 1`,
      /table version 1 does not match its checksum/,
    ],
    [
      'an index page that says something else',
      `UPDATE key_page SET entries = zeroblob(length(entries)) WHERE page = 0`,
      /the key index does not match the records/,
    ],
    [
      'a missing run of the index',
      `DELETE FROM key_run WHERE first = (SELECT max(first) FROM key_run)`,
      /missing in the key index/,
    ],
    [
      'a missing stretch of a table',
      `DELETE FROM table_window WHERE table_id = 1`,
      /table_window lacks table version 1/,
    ],
    [
      'a changed mark',
      `UPDATE mark SET kind = 'attached' WHERE id = 1`,
      /the mark of public\.ord at \d+ does not match its checksum/,
    ],
    ['a wrong position', `UPDATE progress SET appended = 'x'`, /progress says x/],
    [
      'another source',
      `UPDATE meta SET value = 'other' WHERE name = 'source'`,
      /it is of source other/,
    ],
    [
      'another beginning',
      `UPDATE meta SET value = 7 WHERE name = 'first'`,
      /it says it begins at 7/,
    ],
  ];
  for (const [what, sql, expected] of damages) {
    test(`it finds ${what}`, async () => {
      damage(1, sql);
      const { findings } = await verify();
      assert.ok(
        findings.some(({ message }) => expected.test(message)),
        JSON.stringify(findings),
      );
      for (const { segment } of findings) assert.ok(segments.slice(1).includes(segment));
    });
  }

  test('it finds that the oldest segment is gone, and not when it was trimmed', async () => {
    const [first = '', second = ''] = segments;
    const { head } = await openSqliteLogReader({ directory, source: 'main' });
    const floor = listSegments(directory)[1]?.first ?? 0;
    cpSync(first, `${first}.kept`);
    rmSync(first);
    const gone = await verify();
    assert.deepEqual(
      gone.findings.map(({ segment, offset }) => [segment, offset]),
      [[second, floor]],
    );
    assert.match(gone.findings[0]?.message ?? '', /from offset 0 on/);
    {
      await using log = await openSqliteLog({ directory, source: 'main' });
      assert.deepEqual(log.lostBeginning, { from: 0, to: floor });
    }
    assert.equal((await verify()).findings.length, 1, 'opening it accepts nothing');
    cpSync(`${first}.kept`, first);
    assert.deepEqual(await messages(), []);
    {
      await using log = await openSqliteLog({ directory, source: 'main' });
      assert.equal(await log.trim(floor), floor);
    }
    assert.deepEqual(await messages(), []);
    {
      await using log = await openSqliteLog({ directory, source: 'main' });
      assert.equal(log.lostBeginning, null);
      assert.equal(await log.trim(head), head);
    }
    assert.deepEqual(await messages(), []);
    assert.equal(statedFloor(directory), head);
  });

  test('it finds that the oldest ones of a trimmed log are gone; saying so by trimming ends that', async () => {
    const floor = listSegments(directory)[1]?.first ?? 0;
    const [, second = '', third = ''] = segments;
    {
      await using log = await openSqliteLog({ directory, source: 'main' });
      await log.trim(floor);
    }
    rmSync(second);
    const next = listSegments(directory)[0]?.first ?? 0;
    assert.match((await messages())[0] ?? '', new RegExp(`from offset ${floor} on`));
    {
      await using log = await openSqliteLog({ directory, source: 'main' });
      assert.deepEqual(log.lostBeginning, { from: floor, to: next });
      await log.trim(next);
    }
    assert.deepEqual(await messages(), []);
    rmSync(third);
    assert.match((await messages())[0] ?? '', /all its segments are gone/);
    await assert.rejects(openSqliteLog({ directory, source: 'main' }), { code: 'LOG_CORRUPT' });
  });

  test('a log of an earlier version, which says nothing of its floor, has it where it begins', async () => {
    rmSync(join(directory, 'floor'));
    rmSync(segments[0] ?? '');
    assert.deepEqual(await messages(), []);
    await (await openSqliteLog({ directory, source: 'main' }))[Symbol.asyncDispose]();
    assert.equal(statedFloor(directory), listSegments(directory)[0]?.first);
  });

  test('it finds damaged bytes, a cut file and a file that is none, and goes on behind them', async () => {
    const [first = '', second = '', third = ''] = segments;
    const handle = openSync(first, 'r+');
    writeSync(handle, Buffer.alloc(16_384, 0xff), 0, 16_384, 1_000_000);
    closeSync(handle);
    truncateSync(second, 500_000);
    const found = await verify();
    assert.deepEqual(
      new Set(found.findings.map(({ segment }) => segment)),
      new Set([first, second]),
    );
    const junk = openSync(third, 'r+');
    writeSync(junk, Buffer.alloc(4096, 0x41), 0, 4096, 0);
    closeSync(junk);
    const all = await verify();
    assert.equal(new Set(all.findings.map(({ segment }) => segment)).size, 3);
  });

  test('reading stops at damage instead of passing it on', async () => {
    damage(
      1,
      `UPDATE block SET images = zeroblob(length(images)) WHERE first = (SELECT max(first) FROM block)`,
    );
    await using log = await openSqliteLog({ directory, source: 'main' });
    await assert.rejects(readAll(log), {
      code: 'LOG_CORRUPT',
      message: /does not match its checksum/,
    });
    damage(0, 'DELETE FROM block WHERE first > 1000');
    await using reader = await openSqliteLogReader({ directory, source: 'main' });
    await assert.rejects(readAll(reader), { code: 'LOG_CORRUPT', message: /missing/ });
  });
});
