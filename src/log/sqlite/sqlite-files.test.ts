import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { append, changeOf, position, readAll, tableNamed } from '../log.contract.ts';
import { FORMAT, RUN_RECORDS, segmentName } from './format.ts';
import { openSqliteLog, openSqliteLogReader, type SqliteLogOptions } from './sqlite-log.ts';
import { verifySqliteLog } from './verify.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidings-log-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const open = (options: Partial<SqliteLogOptions> = {}) =>
  openSqliteLog({ directory, source: 'main', ...options });
const findings = async (log = directory) =>
  (await verifySqliteLog(log, 'main', { signal: new AbortController().signal })).findings;
const files = (): string[] =>
  readdirSync(directory)
    .filter((name) => name !== 'floor')
    .sort();
const row = (table: number, n: number, bytes = 200) =>
  changeOf(table, `${n}`, `${n} `.padEnd(bytes, 'x'));

/** Appends transactions of ten rows until the log has this many segments. */
async function fillSegments(count: number): Promise<void> {
  await using log = await open({ segmentBytes: 150_000 });
  const table = log.writer.defineTable(tableNamed('accounts'));
  for (let number = 1; (await log.size()).segments < count; number++) {
    append(
      log,
      number,
      Array.from({ length: 10 }, (_, n) => row(table, number * 10 + n)),
    );
    if (number % 20 === 0) await log.writer.flush();
  }
}

describe('segments', () => {
  test('a sealed segment and a closed log are plain files that reading leaves as they are', async () => {
    await fillSegments(3);
    const names = files();
    assert.equal(names.length, 3);
    assert.ok(names.every((name) => /^\d{20}\.sqlite$/.test(name)));
    for (const name of names) {
      const path = join(directory, name);
      chmodSync(path, 0o444);
      const before = readFileSync(path);
      using db = new DatabaseSync(path, { readOnly: true });
      assert.equal(db.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'delete');
      assert.ok(Number(db.prepare('SELECT count(*) AS n FROM changes').get()?.['n']) > 0);
      assert.deepEqual(files(), names);
      assert.ok(readFileSync(path).equals(before));
    }
  });

  test('a sealed segment stays byte by byte the same while the log goes on', async () => {
    await using log = await open({ segmentBytes: 150_000 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    let sealed: Buffer | null = null;
    for (let number = 1; number < 200; number++) {
      append(
        log,
        number,
        Array.from({ length: 10 }, (_, n) => row(table, n)),
      );
      if (number % 10 === 0) await log.writer.flush();
      if (sealed === null && (await log.size()).segments > 1) {
        sealed = readFileSync(join(directory, segmentName(0)));
      }
    }
    await readAll(log);
    assert.ok(sealed?.equals(readFileSync(join(directory, segmentName(0)))));
  });

  test('the views show table, operation, key and transaction to a plain sqlite3', async () => {
    await using log = await open();
    const table = log.writer.defineTable(tableNamed('accounts'));
    log.writer.begin({ id: '7', position: position(1) });
    log.writer.append(changeOf(table, '1', 'first'));
    log.writer.append(changeOf(table, '2', 'second', { operation: 'update', previousKey: '1' }));
    log.writer.commit({ committedAt: 1_700_000_000_250_000, context: '{"actor":"ann"}' });
    await log.writer.flush();
    using db = new DatabaseSync(join(directory, segmentName(0)), { readOnly: true });
    const [, second] = db.prepare('SELECT * FROM changes ORDER BY offset').all();
    assert.deepEqual(
      { ...second, images: Buffer.from(second?.['images'] as Uint8Array).toString() },
      {
        offset: 1,
        schema: 'public',
        table: 'accounts',
        operation: 'update',
        key: '2',
        previous_key: '1',
        transaction_id: '7',
        position: position(1),
        committed_at: '2023-11-14T22:13:20.250Z',
        context: '{"actor":"ann"}',
        images: 'second',
      },
    );
  });

  test('each segment has all table versions, with the same numbers', async () => {
    await fillSegments(2);
    {
      await using log = await open({ segmentBytes: 150_000 });
      const other = log.writer.defineTable(tableNamed('orders'));
      for (let number = 10_001; (await log.size()).segments < 4; number++) {
        append(
          log,
          number,
          Array.from({ length: 100 }, (_, n) => row(other, n)),
        );
        await log.writer.flush();
      }
    }
    const last = files().at(-1) ?? '';
    using db = new DatabaseSync(join(directory, last), { readOnly: true });
    assert.deepEqual(
      db
        .prepare('SELECT id, name FROM table_version ORDER BY id')
        .all()
        .map((found) => ({ ...found })),
      [
        { id: 1, name: 'accounts' },
        { id: 2, name: 'orders' },
      ],
    );
    assert.deepEqual(await findings(), []);
  });

  test('a segment that somebody reads is sealed later', async () => {
    await using log = await open({ segmentBytes: 1 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    append(log, 1, [row(table, 1)]);
    await log.writer.flush();
    const path = join(directory, segmentName(0));
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.exec('BEGIN; SELECT count(*) FROM block');
    append(log, 2, [row(table, 2)]);
    await log.writer.flush();
    assert.ok(existsSync(`${path}-wal`), 'still in use');
    reader.close();
    await log.trim(0);
    assert.equal(existsSync(`${path}-wal`), false);
    assert.equal((await readAll(log)).length, 2);
    assert.deepEqual(await findings(), []);
  });

  test('a file of a newer version, of another source, or damaged is refused by name', async () => {
    await fillSegments(1);
    const path = join(directory, segmentName(0));
    await assert.rejects(openSqliteLog({ directory, source: 'other' }), {
      code: 'LOG_CORRUPT',
      message: /of source main/,
    });
    {
      using db = new DatabaseSync(path);
      db.exec(`PRAGMA user_version = ${FORMAT + 1}`);
    }
    await assert.rejects(open(), { code: 'DATA_NEWER', exit: 2 });
    await assert.rejects(openSqliteLogReader({ directory, source: 'main' }), {
      code: 'DATA_NEWER',
    });
    rmSync(path);
    copyFileSync(process.execPath, path);
    await assert.rejects(open(), { code: 'LOG_CORRUPT', hint: /tidings log verify/ });
  });

  test('segments and stretches without the wanted tables are passed over at once', async () => {
    await fillSegments(4);
    await using log = await open();
    const other = log.writer.defineTable(tableNamed('orders'));
    for (let number = 10_001; number <= 10_200; number++) {
      append(
        log,
        number,
        Array.from({ length: 100 }, (_, n) => row(1, n)),
      );
    }
    append(log, 10_201, [row(other, 1)]);
    await log.writer.flush();
    for (const [table, expected] of [
      [other, [log.head - 1]],
      [other + 1, []],
    ] as const) {
      const found: number[] = [];
      let calls = 0;
      for (let from = 0; from < log.head; calls++) {
        const page = await log.read({ from, tables: new Set([table]) });
        found.push(...page.records.map(({ offset }) => offset));
        from = page.next;
      }
      assert.deepEqual(found, expected);
      // On a busy machine a call may end early, but not before it has passed over a segment.
      assert.ok(calls <= 5, `${calls} calls`);
    }
  });

  for (const index of [2, 3]) {
    test(`a journal that a crash left beside segment ${index} of 3 is rolled back first`, async () => {
      await fillSegments(3);
      const crashed = join(directory, 'crashed');
      {
        using db = new DatabaseSync(join(directory, files()[index - 1] ?? ''));
        // With next to no cache SQLite has to overwrite the file before the transaction ends.
        db.exec(`PRAGMA cache_size = 1; BEGIN; UPDATE block SET images = zeroblob(length(images))`);
        mkdirSync(crashed);
        for (const name of files().filter((found) => found.includes('.sqlite'))) {
          copyFileSync(join(directory, name), join(crashed, name));
        }
        db.exec('ROLLBACK');
      }
      assert.ok(readdirSync(crashed).some((name) => name.endsWith('-journal')));
      {
        await using reader = await openSqliteLogReader({ directory: crashed, source: 'main' });
        assert.equal((await readAll(reader)).length, reader.head);
      }
      await using log = await open({ directory: crashed });
      assert.equal((await readAll(log)).length, log.head);
      assert.deepEqual(await findings(crashed), []);
    });
  }

  test('a missing segment in the middle is refused', async () => {
    await fillSegments(4);
    rmSync(join(directory, files()[2] ?? ''));
    await assert.rejects(open(), { code: 'LOG_CORRUPT' });
    assert.match((await findings())[0]?.message ?? '', /the segment before it ends at/);
  });
});

describe('large transactions', () => {
  const memoryBytes = 256 * 1024;

  test('invariant 2: nobody sees a part, here or from outside; what was before stays readable', async () => {
    await using log = await open({ memoryBytes });
    const table = log.writer.defineTable(tableNamed('accounts'));
    append(log, 1, [row(table, 0)]);
    await log.writer.flush();
    await using reader = await openSqliteLogReader({ directory, source: 'main' });
    log.writer.begin({ id: '2', position: position(2) });
    for (let n = 1; n <= 20_000; n++) {
      log.writer.append(row(table, n));
      if (n % 2000 !== 0) continue;
      await log.writer.flush();
      assert.equal(log.head, 1);
      assert.equal((await readAll(log)).length, 1);
      await reader.refresh();
      assert.equal(reader.head, 1);
      assert.equal((await reader.lastTransactions(5)).length, 1);
    }
    assert.ok(
      files().some((name) => name.endsWith('.part')),
      'it is on disk meanwhile',
    );
    assert.deepEqual(await findings(), []);
    log.writer.commit({ committedAt: 2, context: null });
    assert.equal(log.head, 1);
    append(log, 3, [row(table, 20_001)]);
    await log.writer.flush();
    assert.equal(log.head, 20_002);
    await reader.refresh();
    assert.equal(reader.head, 20_002);
    const records = await readAll(log);
    assert.deepEqual(
      records.map(({ key }) => key),
      Array.from({ length: 20_002 }, (_, n) => `${n}`),
    );
    assert.equal(new Set(records.map(({ transaction }) => transaction)).size >= 3, true);
    assert.deepEqual(await findings(), []);
  });

  test('dropping one is deleting a file', async () => {
    await using log = await open({ memoryBytes });
    const table = log.writer.defineTable(tableNamed('accounts'));
    const before = await log.size();
    log.writer.begin({ id: '1', position: position(1) });
    for (let n = 0; n < 20_000; n++) log.writer.append(row(table, n));
    assert.ok((await log.size()).bytes > before.bytes + 3_000_000);
    log.writer.abandon();
    assert.ok((await log.size()).bytes < before.bytes + 100_000);
    assert.equal(append(log, 1, [row(table, 1)]), true);
    await log.writer.flush();
    assert.equal(log.head, 1);
  });

  test('one that comes first replaces the empty segment, and nothing of that stays', async () => {
    {
      await using log = await open({ memoryBytes });
      log.writer.reached(position(1));
      log.writer.recordGap({ from: null, to: position(1), reason: 'slot dropped', at: 5 });
      await log.writer.flush();
      assert.ok(existsSync(join(directory, `${segmentName(0)}-wal`)));
      const table = log.writer.defineTable(tableNamed('accounts'));
      append(
        log,
        2,
        Array.from({ length: 5000 }, (_, n) => row(table, n)),
      );
      append(log, 3, [row(table, 5000)]);
      await log.writer.flush();
      append(log, 4, [row(table, 5001)]);
      await log.writer.flush();
    }
    await using log = await open({ memoryBytes });
    assert.deepEqual(
      (await readAll(log)).map(({ key }) => key),
      Array.from({ length: 5002 }, (_, n) => `${n}`),
    );
    assert.equal((await log.gaps()).length, 1);
    assert.deepEqual(await findings(), []);
  });

  test('several in one batch, between small ones, keep their order', async () => {
    await using log = await open({ memoryBytes });
    const table = log.writer.defineTable(tableNamed('accounts'));
    const expected: string[] = [];
    for (let number = 1; number <= 9; number++) {
      const rows = number % 3 === 0 ? 3000 : 5;
      append(
        log,
        number,
        Array.from({ length: rows }, (_, n) => row(table, number * 10_000 + n)),
      );
      for (let n = 0; n < rows; n++) expected.push(`${number * 10_000 + n}`);
    }
    await log.writer.flush();
    assert.deepEqual(
      (await readAll(log)).map(({ key }) => key),
      expected,
    );
    assert.deepEqual(await findings(), []);
  });

  test('whole transactions beyond the memory wait on disk for their flush', async () => {
    await using log = await open({ memoryBytes });
    const table = log.writer.defineTable(tableNamed('accounts'));
    for (let number = 1; number <= 4000; number++) append(log, number, [row(table, number)]);
    assert.equal(log.head, 0);
    assert.deepEqual(log.writer.pending, { records: 4000, transactions: 4000 });
    await log.writer.flush();
    assert.deepEqual([log.head, (await readAll(log)).length], [4000, 4000]);
  });

  test('one image larger than a block, and than the memory', async () => {
    await using log = await open({ memoryBytes });
    const table = log.writer.defineTable(tableNamed('accounts'));
    const sizes = [10, 70_000, 10, 1_000_000, 10];
    append(
      log,
      1,
      sizes.map((bytes, n) => row(table, n, bytes)),
    );
    await log.writer.flush();
    assert.deepEqual(
      (await readAll(log)).map(({ images }) => images.length),
      sizes,
    );
    assert.deepEqual(await findings(), []);
  });
});

describe('find', () => {
  test('finds the changes of one row over runs, segments, versions, moved keys and truncates', async () => {
    await using log = await open({ segmentBytes: 6_000_000 });
    const { writer } = log;
    // The last one is the table after it was given another name.
    const versions = [
      tableNamed('accounts'),
      tableNamed('accounts', { identity: 'key' }),
      tableNamed('customers'),
    ];
    const tables = versions.map((version) => writer.defineTable(version));
    const accounts = new Set(tables);
    const other = writer.defineTable(tableNamed('orders'));
    const expected: number[] = [];
    const total = RUN_RECORDS * 4 + 1000;
    for (let offset = 0; offset < total;) {
      writer.begin({ id: `${offset}`, position: position(offset) });
      for (let n = 0; n < 500; n++, offset++) {
        const table = tables[Math.floor(offset / 9000) % 3] ?? 0;
        if (offset % 7919 === 0) {
          expected.push(offset);
          writer.append(changeOf(table, 'wanted', 'x'.repeat(120)));
        } else if (offset === 30_000) {
          expected.push(offset);
          writer.append(
            changeOf(table, 'elsewhere', 'x', { operation: 'update', previousKey: 'wanted' }),
          );
        } else if (offset === 40_000) {
          expected.push(offset);
          writer.append(changeOf(table, null, '', { operation: 'truncate' }));
        } else if (offset % 5000 === 1) writer.append(changeOf(other, 'wanted'));
        else writer.append(changeOf(table, `${offset}`, 'x'.repeat(120)));
      }
      writer.commit({ committedAt: offset, context: null });
      if (offset % 5000 === 0) await writer.flush();
    }
    await writer.flush();
    assert.ok((await log.size()).segments > 1);
    await using reader = await openSqliteLogReader({ directory, source: 'main' });
    for (const finder of [log, reader]) {
      const found: number[] = [];
      let from = 0;
      while (from < finder.head) {
        const page = await finder.find({
          tables: accounts,
          key: 'wanted',
          from,
          limit: 3,
        });
        assert.ok(page.next > from);
        found.push(...page.records.map(({ offset }) => offset));
        from = page.next;
      }
      assert.deepEqual(found, expected);
      const absent = await finder.find({ tables: new Set(), key: 'wanted' });
      assert.deepEqual(absent.records, []);
    }
  });
});

describe('a reader in another process', () => {
  test('follows the writer over flushes, segments and trims', async () => {
    await using reader = await openSqliteLogReader({
      directory: join(directory, 'log'),
      source: 'main',
    });
    assert.deepEqual([reader.head, await reader.read({ from: 0 })], [0, { records: [], next: 0 }]);
    await using log = await openSqliteLog({
      directory: join(directory, 'log'),
      source: 'main',
      segmentBytes: 150_000,
    });
    const table = log.writer.defineTable(tableNamed('accounts'));
    const keys: (string | null)[] = [];
    let from = 0;
    for (let number = 1; number <= 100; number++) {
      append(
        log,
        number,
        Array.from({ length: 20 }, (_, n) => row(table, number * 20 + n)),
      );
      await log.writer.flush();
      if (number % 9 === 0) await log.trim(from);
      for (;;) {
        const page = await reader.read({ from });
        keys.push(...page.records.map(({ key }) => key));
        if (page.next === from) break;
        from = page.next;
      }
      assert.equal(from, log.head);
      assert.equal(reader.position, log.position);
    }
    assert.deepEqual(
      keys,
      Array.from({ length: 2000 }, (_, n) => `${n + 20}`),
    );
    assert.ok(log.floor > 0);
    await assert.rejects(reader.read({ from: 0 }), { code: 'LOG_PRUNED' });
    assert.deepEqual(await reader.size(), await log.size());
  });

  test('keeps the writer from nothing, and leaves the files of a killed writer as they are', async () => {
    await using log = await open({ segmentBytes: 1 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    append(log, 1, [row(table, 1)]);
    await log.writer.flush();
    await using reader = await openSqliteLogReader({ directory, source: 'main' });
    assert.equal((await readAll(reader)).length, 1);
    append(log, 2, [row(table, 2)]);
    await log.writer.flush();
    assert.equal(existsSync(join(directory, `${segmentName(0)}-wal`)), false, 'sealed at once');
    const wal = join(directory, `${segmentName(1)}-wal`);
    const { size } = statSync(wal);
    await reader.refresh();
    assert.equal((await readAll(reader)).length, 2);
    assert.equal(statSync(wal).size, size);
  });
});

describe('segments as retention sees them', () => {
  test('first, end, bytes and newest commit', async () => {
    await using log = await open({ segmentBytes: 1 });
    const table = log.writer.defineTable(tableNamed('accounts'));
    for (let number = 1; number <= 3; number++) {
      append(log, number, [row(table, 1), row(table, 2)]);
      await log.writer.flush();
    }
    const segments = await log.segments();
    assert.deepEqual(
      segments.map(({ first, end, newest }) => [first, end, newest]),
      [
        [0, 2, 1000],
        [2, 4, 2000],
        [4, 6, 3000],
      ],
    );
    const { size: floor } = statSync(join(directory, 'floor'));
    assert.equal(
      segments.reduce((sum, { bytes }) => sum + bytes, floor),
      (await log.size()).bytes,
    );
  });
});
