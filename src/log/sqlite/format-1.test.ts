import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { append, changeOf, position, readAll, tableNamed } from '../log.contract.ts';
import { markOf } from '../log-marks.contract.ts';
import { FORMAT } from './format.ts';
import { listSegments } from './segment-files.ts';
import { openSqliteLog, openSqliteLogReader } from './sqlite-log.ts';
import { verifySqliteLog } from './verify.ts';

/**
 * A log of three segments that the Tidings before format 2 has written and closed; its offsets are
 * 0 to 4, with a gap before 2.
 */
const WRITTEN = join(import.meta.dirname, '../../../test/log-format-1');

describe('a log of format 1', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tidings-log-'));
    for (const name of readdirSync(WRITTEN)) {
      const file = join(directory, name.replace(/\.gz$/, ''));
      writeFileSync(file, gunzipSync(readFileSync(join(WRITTEN, name))));
    }
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = () => openSqliteLog({ directory, source: 'main' });
  const findings = async (): Promise<readonly unknown[]> =>
    (await verifySqliteLog(directory, 'main', { signal: new AbortController().signal })).findings;
  const bytes = (): readonly Buffer[] =>
    listSegments(directory).map(({ path }) => readFileSync(path));
  const formats = (): readonly unknown[] =>
    listSegments(directory).map(({ path }) => {
      using db = new DatabaseSync(path, { readOnly: true });
      return db.prepare('PRAGMA user_version').get()?.['user_version'];
    });

  test('is read and verified as it is, and nothing is written into it', async () => {
    const before = bytes();
    {
      await using log = await openSqliteLogReader({ directory, source: 'main' });
      assert.deepEqual(
        (await readAll(log)).map(({ offset, key, table }) => [offset, table.name, key]),
        [
          [0, 'accounts', '1'],
          [1, 'accounts', '2'],
          [2, 'orders', null],
          [3, 'accounts', '1'],
          [4, 'accounts', '2'],
        ],
      );
      assert.deepEqual([log.head, log.floor, log.position], [5, 0, position(5)]);
      assert.deepEqual([...log.marks()], []);
      assert.equal((await log.gaps()).length, 1);
    }
    assert.deepEqual(await findings(), []);
    assert.deepEqual(bytes(), before);
    assert.deepEqual(formats(), [1, 1, 1]);
  });

  test('is continued: its newest segment takes marks, and sealed ones stay as they are', async () => {
    const sealed = bytes().slice(0, 2);
    {
      await using log = await open();
      const accounts = log.writer.defineTable(tableNamed('accounts'));
      append(log, 6, [changeOf(accounts, '3')]);
      log.writer.begin({ id: '7', position: position(7) });
      log.writer.mark(markOf('ord_1'));
      log.writer.commit({ committedAt: 7000, context: null });
      await log.writer.flush();
      assert.equal(log.marks().length, 1);
    }
    assert.deepEqual(bytes().slice(0, 2), sealed);
    assert.deepEqual(formats(), [1, 1, FORMAT]);
    assert.deepEqual(await findings(), []);
    await using log = await open();
    assert.deepEqual(
      log.marks().map(({ offset, transaction }) => [offset, transaction?.position]),
      [[6, position(7)]],
    );
    assert.equal((await readAll(log)).length, 6);
    assert.equal(log.writer.begin({ id: '7', position: position(7) }), false, 'invariant 3');
  });

  test('is trimmed and begins its next segment in the new format', async () => {
    {
      await using log = await openSqliteLog({ directory, source: 'main', segmentBytes: 1 });
      append(log, 6, [changeOf(log.writer.defineTable(tableNamed('accounts')), '3')]);
      await log.writer.flush();
      assert.deepEqual([log.floor, log.head], [0, 6]);
      assert.equal(await log.trim(4), 4);
    }
    assert.deepEqual(formats(), [FORMAT, FORMAT]);
    assert.deepEqual(await findings(), []);
  });

  test('a Tidings that knows only an older format refuses what this one has opened', async () => {
    await (await open())[Symbol.asyncDispose]();
    using db = new DatabaseSync(listSegments(directory).at(-1)?.path ?? '');
    const written = db.prepare(`SELECT value FROM meta WHERE name = 'format'`).get();
    assert.equal(written?.['value'], FORMAT);
    db.exec(`PRAGMA user_version = ${FORMAT + 1}`);
    await assert.rejects(open(), { code: 'DATA_NEWER' });
  });
});
