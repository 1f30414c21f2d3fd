import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { append, changeOf, position, readAll, tableNamed } from '../log.contract.ts';
import { markOf } from '../log-marks.contract.ts';
import { listSegments } from './segment-files.ts';
import { openSqliteLog, openSqliteLogReader } from './sqlite-log.ts';
import { verifySqliteLog } from './verify.ts';

/** What format 3 added, taken away again. */
const AS_FORMAT_2 = `
  DROP TABLE fork;
  ALTER TABLE progress DROP COLUMN lineage;
  UPDATE meta SET value = 2 WHERE name = 'format';
  PRAGMA user_version = 2;
`;

test('a log of format 2, which knows marks and no forks, is read and continued', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-log-'));
  using _removal = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  const open = () => openSqliteLog({ directory, source: 'main', segmentBytes: 1 });
  {
    await using log = await open();
    const table = log.writer.defineTable(tableNamed('accounts'));
    append(log, 1, [changeOf(table, '1')]);
    await log.writer.flush();
    log.writer.mark(markOf('ord_1'), { after: null, at: 7 });
    append(log, 2, [changeOf(table, '2')]);
    await log.writer.flush();
  }
  const segments = listSegments(directory);
  assert.ok(segments.length > 1);
  for (const { path } of segments) {
    using db = new DatabaseSync(path);
    db.exec(AS_FORMAT_2);
  }
  {
    await using log = await openSqliteLogReader({ directory, source: 'main' });
    assert.deepEqual([log.forks(), log.lineage, log.marks().length], [[], null, 1]);
    assert.equal((await readAll(log)).length, 2);
  }
  {
    await using log = await open();
    const fork = { abandoned: 1, from: position(2), to: `r0001.${position(1)}`, reason: 'x' };
    log.writer.recordFork({ ...fork, at: 1 });
    log.writer.lineage('1@0');
    await log.writer.flush();
  }
  await using log = await open();
  assert.deepEqual([log.forks().length, log.lineage, log.marks().length], [1, '1@0', 1]);
  const { signal } = new AbortController();
  assert.deepEqual((await verifySqliteLog(directory, 'main', { signal })).findings, []);
});
