import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { CapturedChange } from '../change/captured.ts';
import type { TableDefinition } from '../change/table.ts';
import type { Log, LogReader, LogRecord, ReadRequest } from './log.ts';

/** Where a log of the suite is kept, so that it can be closed and opened again. */
export interface LogLocation extends AsyncDisposable {
  open(): Promise<Log>;
}

/** Positions that sort, as sources make them. */
export function position(number: number): string {
  return number.toString(16).padStart(16, '0');
}

/** A table with a key column and a text column. */
export function tableNamed(name: string, more: Partial<TableDefinition> = {}): TableDefinition {
  return {
    schema: 'public',
    name,
    columns: [
      { name: 'id', type: 'bigint', kind: 'integer', array: false },
      { name: 'note', type: 'text', kind: 'text', array: false },
    ],
    key: [0],
    identity: 'full',
    dialect: 'postgres',
    ...more,
  };
}

/** A change of this row; its images are the bytes of a text. */
export function changeOf(
  table: number,
  key: string | null,
  text = `row ${String(key)}`,
  more: Partial<CapturedChange> = {},
): CapturedChange {
  const images = Buffer.from(text);
  return { table, operation: 'insert', key, previousKey: null, images, ...more };
}

/** Appends a transaction of such changes; false when the log has it already. */
export function append(
  log: Log,
  number: number,
  changes: readonly CapturedChange[],
  committedAt = number * 1000,
): boolean {
  const { writer } = log;
  if (!writer.begin({ id: String(number), position: position(number) })) return false;
  for (const change of changes) writer.append(change);
  writer.commit({ committedAt, context: null });
  return true;
}

/** Everything a request can still get, page by page. */
export async function readAll(
  log: LogReader,
  request: Partial<ReadRequest> = {},
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  let from = request.from ?? log.floor;
  const to = request.to ?? log.head;
  while (from < to) {
    const page = await log.read({ ...request, from, to });
    records.push(...page.records);
    assert.ok(page.next > from, 'a page makes way');
    from = page.next;
  }
  return records;
}

const textOf = (record: LogRecord): string => Buffer.from(record.images).toString();

/**
 * What every log promises, whatever keeps it.
 * @param locate makes a place for one new log.
 */
export function testLogContract(name: string, locate: () => Promise<LogLocation>): void {
  describe(`log contract: ${name}`, () => {
    let location: LogLocation;
    let log: Log;

    beforeEach(async () => {
      location = await locate();
      log = await location.open();
    });
    afterEach(async () => {
      await log[Symbol.asyncDispose]();
      await location[Symbol.asyncDispose]();
    });
    const reopen = async (): Promise<void> => {
      await log[Symbol.asyncDispose]();
      log = await location.open();
    };

    test('a new log is empty', async () => {
      assert.deepEqual([log.head, log.floor, log.position], [0, 0, null]);
      assert.deepEqual(await log.read({ from: 0 }), { records: [], next: 0 });
      assert.deepEqual([...log.tables()], []);
      assert.deepEqual(await log.lastTransactions(10), []);
      assert.deepEqual(await log.gaps(), []);
      assert.equal(await log.offsetAt(0), 0);
    });

    test('what was appended comes back whole, also after opening again', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      log.writer.begin({ id: '77', position: position(5) });
      log.writer.append(changeOf(table, '1', 'a'));
      log.writer.append(changeOf(table, '2', 'b', { operation: 'update', previousKey: '1' }));
      log.writer.append(changeOf(table, '2', 'c', { operation: 'delete' }));
      log.writer.append(changeOf(table, null, '', { operation: 'truncate' }));
      log.writer.commit({ committedAt: 1_700_000_000_123_456, context: '{"actor":"ann"}' });
      await log.writer.flush();
      for (const again of [false, true]) {
        if (again) await reopen();
        const records = await readAll(log);
        assert.deepEqual(
          records.map((record) => [
            record.offset,
            record.operation,
            record.key,
            record.previousKey,
            textOf(record),
          ]),
          [
            [0, 'insert', '1', null, 'a'],
            [1, 'update', '2', '1', 'b'],
            [2, 'delete', '2', null, 'c'],
            [3, 'truncate', null, null, ''],
          ],
        );
        const { id, ...definition } = records[0]?.table ?? {};
        assert.equal(id, table);
        assert.deepEqual(definition, tableNamed('accounts'));
        assert.ok(records.every((record) => record.table === records[0]?.table));
        const transaction = {
          first: 0,
          last: 3,
          id: '77',
          position: position(5),
          committedAt: 1_700_000_000_123_456,
          context: '{"actor":"ann"}',
        };
        for (const record of records) assert.deepEqual(record.transaction, transaction);
        assert.deepEqual(await log.lastTransactions(10), [transaction]);
        assert.deepEqual(await log.transactionsById('77'), [transaction]);
        assert.deepEqual(await log.transactionsById('78'), []);
        assert.equal(log.position, position(5));
      }
    });

    test('images are not needed once they are appended, whatever their size', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      const sizes = [10, 65_536, 65_537, 70_000, 100_000, 20, 9_000_000, 30];
      const filled = (size: number): Buffer => Buffer.alloc(size, size % 251);
      log.writer.begin({ id: '1', position: position(1) });
      for (const size of sizes) {
        const images = filled(size);
        log.writer.append({ ...changeOf(table, String(size)), images });
        images.fill(255);
      }
      log.writer.commit({ committedAt: 1, context: null });
      await log.writer.flush();
      const records = await readAll(log);
      assert.equal(records.length, sizes.length);
      for (const [at, { images }] of records.entries()) {
        assert.ok(filled(sizes[at] ?? 0).equals(images), `${sizes[at]} bytes`);
      }
    });

    test('invariant 2: nothing is visible before the flush, and no open transaction after it', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      append(log, 1, [changeOf(table, '1'), changeOf(table, '2')]);
      assert.equal(log.head, 0);
      assert.equal(log.position, null);
      assert.deepEqual(await readAll(log), []);
      assert.deepEqual(log.writer.pending, { records: 2, transactions: 1 });
      log.writer.begin({ id: '2', position: position(2) });
      log.writer.append(changeOf(table, '3'));
      assert.deepEqual(log.writer.pending, { records: 3, transactions: 1 });
      await log.writer.flush();
      assert.equal(log.head, 2);
      assert.equal((await log.read({ from: 0 })).next, 2);
      assert.deepEqual(await log.transactionsById('2'), []);
      log.writer.append(changeOf(table, '4'));
      log.writer.commit({ committedAt: 2, context: null });
      assert.equal(log.head, 2);
      await log.writer.flush();
      assert.deepEqual(
        (await readAll(log)).map(({ key, transaction }) => [key, transaction.first]),
        [
          ['1', 0],
          ['2', 0],
          ['3', 2],
          ['4', 2],
        ],
      );
    });

    test('invariant 2: what was not flushed is not there after opening again', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      append(log, 1, [changeOf(table, '1')]);
      await log.writer.flush();
      append(log, 2, [changeOf(table, '2')]);
      log.writer.begin({ id: '3', position: position(3) });
      log.writer.append(changeOf(table, '3'));
      await reopen();
      assert.deepEqual([log.head, log.position], [1, position(1)]);
      assert.equal(append(log, 2, [changeOf(table, '2b')]), true);
      await log.writer.flush();
      assert.deepEqual(
        (await readAll(log)).map(({ key }) => key),
        ['1', '2b'],
      );
    });

    test('invariant 3: a position is taken once, also after opening again', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      assert.equal(append(log, 5, [changeOf(table, '1')]), true);
      assert.equal(append(log, 5, [changeOf(table, '1')]), false, 'not yet flushed');
      await log.writer.flush();
      assert.equal(append(log, 5, [changeOf(table, '1')]), false);
      assert.equal(append(log, 4, [changeOf(table, '1')]), false);
      await reopen();
      assert.equal(append(log, 5, [changeOf(table, '1')]), false);
      assert.equal(append(log, 6, [changeOf(table, '2')]), true);
      await log.writer.flush();
      assert.deepEqual(
        (await readAll(log)).map(({ offset }) => offset),
        [0, 1],
      );
    });

    test('an abandoned transaction leaves no trace and may come again', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      append(log, 1, [changeOf(table, '1')]);
      log.writer.begin({ id: '2', position: position(2) });
      for (let key = 0; key < 1000; key++) log.writer.append(changeOf(table, `lost ${key}`));
      log.writer.abandon();
      log.writer.abandon();
      // A transaction too large for the memory may have made the one before it durable.
      assert.equal(log.head + log.writer.pending.records, 1);
      assert.equal(append(log, 2, [changeOf(table, '2')]), true);
      await log.writer.flush();
      assert.deepEqual(
        (await readAll(log)).map(({ key }) => key),
        ['1', '2'],
      );
    });

    test('a transaction without records leaves no trace', async () => {
      append(log, 1, []);
      assert.deepEqual(log.writer.pending, { records: 0, transactions: 0 });
      await log.writer.flush();
      assert.deepEqual([log.head, log.position], [0, null]);
      assert.equal(append(log, 1, []), true);
    });

    test('the reached position is kept, and never goes back', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      log.writer.reached(position(3));
      assert.equal(log.position, null);
      await log.writer.flush();
      assert.equal(log.position, position(3));
      log.writer.reached(position(2));
      append(log, 8, [changeOf(table, '1')]);
      log.writer.reached(position(9));
      await log.writer.flush();
      assert.equal(log.position, position(9));
      await reopen();
      assert.equal(log.position, position(9));
    });

    test('table versions: equal definitions share a number, others do not, for good', async () => {
      const { writer } = log;
      const first = writer.defineTable(tableNamed('accounts'));
      assert.equal(writer.defineTable(tableNamed('accounts')), first);
      const second = writer.defineTable(tableNamed('accounts', { identity: 'key' }));
      assert.notEqual(second, first);
      append(log, 1, [changeOf(first, '1'), changeOf(second, '1')]);
      await writer.flush();
      assert.deepEqual(new Set(log.tables().map(({ id }) => id)), new Set([first, second]));
      await reopen();
      assert.equal(log.writer.defineTable(tableNamed('accounts')), first);
      assert.equal(log.writer.defineTable(tableNamed('accounts', { identity: 'key' })), second);
      const third = log.writer.defineTable(tableNamed('orders'));
      assert.ok(third !== first && third !== second);
      const read = await readAll(log);
      assert.deepEqual(
        read.map(({ table }) => table.identity),
        ['full', 'key'],
      );
    });

    test('gaps are kept with the offset that follows them', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      append(log, 1, [changeOf(table, '1')]);
      await log.writer.flush();
      const gap = { from: position(1), to: position(9), reason: 'slot invalidated', at: 17 };
      log.writer.recordGap(gap);
      log.writer.reached(position(9));
      await log.writer.flush();
      append(log, 10, [changeOf(table, '2')]);
      await log.writer.flush();
      assert.deepEqual(await log.gaps(), [{ ...gap, offset: 1 }]);
      await reopen();
      assert.deepEqual(await log.gaps(), [{ ...gap, offset: 1 }]);
    });

    test('pages end at the limit, at the bytes, and at `to`', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      for (let number = 1; number <= 50; number++) {
        append(
          log,
          number,
          Array.from({ length: 20 }, (_, n) => changeOf(table, `${n}`, 'x'.repeat(100))),
        );
      }
      await log.writer.flush();
      // A page may also end earlier, to let others work; it is never longer.
      for (const request of [{ limit: 300 }, { maxBytes: 1000 }, { maxBytes: 1 }, { limit: 1 }]) {
        const most = request.limit ?? Math.max(1, request.maxBytes / 100);
        const page = await log.read({ from: 7, ...request });
        assert.ok(page.records.length >= 1 && page.records.length <= most);
        assert.equal(page.next, 7 + page.records.length);
      }
      const paged = await readAll(log, { from: 7, to: 995, limit: 300 });
      assert.deepEqual(
        paged.map(({ offset }) => offset),
        Array.from({ length: 988 }, (_, n) => n + 7),
      );
      for (const { offset, transaction } of paged) {
        assert.equal(transaction.first, Math.floor(offset / 20) * 20);
      }
      assert.deepEqual(await log.read({ from: 1000 }), { records: [], next: 1000 });
    });

    test('a read for some tables finds exactly their records', async () => {
      const tables = Array.from({ length: 7 }, (_, n) =>
        log.writer.defineTable(tableNamed(`t${n}`)),
      );
      const expected: number[] = [];
      const wanted = new Set([tables[1] ?? 0, tables[5] ?? 0]);
      let offset = 0;
      for (let number = 1; number <= 300; number++) {
        // Table 5 appears once, far in; table 1 in stretches; table 6 never.
        const busy = number > 100 && number < 120 ? 1 : 0;
        const changes = Array.from({ length: 50 }, (_, n) => {
          const index = number === 250 && n === 17 ? 5 : n % 10 === 3 ? busy : 2 + (n % 3);
          if (index === 1 || index === 5) expected.push(offset);
          offset += 1;
          return changeOf(tables[index] ?? 0, `${n}`);
        });
        append(log, number, changes);
        if (number % 37 === 0) await log.writer.flush();
      }
      await log.writer.flush();
      const found = await readAll(log, { tables: wanted });
      assert.deepEqual(
        found.map(({ offset }) => offset),
        expected,
      );
      for (const { offset, transaction } of found) {
        assert.equal(transaction.first, Math.floor(offset / 50) * 50);
      }
      assert.deepEqual(await readAll(log, { tables: new Set([tables[6] ?? 0]) }), []);
      assert.deepEqual(await readAll(log, { tables: new Set() }), []);
      const limited = await readAll(log, { tables: wanted, limit: 3 });
      assert.deepEqual(
        limited.map(({ offset }) => offset),
        expected,
      );
    });

    test('offsetAt finds the first offset that committed at or after a time', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      // The clock goes back between the second and the third transaction.
      const times = [1000, 3000, 2000, 2500, 4000];
      for (const [index, time] of times.entries()) {
        append(log, index + 1, [changeOf(table, '1'), changeOf(table, '2')], time);
        await log.writer.flush();
      }
      const expected = new Map([
        [0, 0],
        [1000, 0],
        [1001, 2],
        [2000, 2],
        [3000, 2],
        [3001, 8],
        [4000, 8],
        [4001, 10],
      ]);
      for (const [time, offset] of expected)
        assert.equal(await log.offsetAt(time), offset, `${time}`);
    });

    test('transactions come newest first', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      for (let number = 1; number <= 30; number++) {
        log.writer.begin({ id: String(number % 10), position: position(number) });
        log.writer.append(changeOf(table, '1'));
        log.writer.commit({ committedAt: number, context: null });
        if (number % 7 === 0) await log.writer.flush();
      }
      await log.writer.flush();
      const last = await log.lastTransactions(12);
      assert.deepEqual(
        last.map(({ first }) => first),
        Array.from({ length: 12 }, (_, n) => 29 - n),
      );
      const same = await log.transactionsById('4');
      assert.deepEqual(
        same.map(({ first }) => first),
        [23, 13, 3],
      );
    });

    test('trim moves the floor and nothing else; what is below is refused', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      for (let number = 1; number <= 200; number++) {
        append(
          log,
          number,
          Array.from({ length: 50 }, (_, n) => changeOf(table, `${n}`, 'x'.repeat(300))),
        );
        if (number % 10 === 0) await log.writer.flush();
      }
      const floor = await log.trim(5000);
      assert.equal(floor, log.floor);
      assert.ok(floor <= 5000);
      assert.equal(log.head, 10_000);
      const kept = await readAll(log);
      assert.deepEqual([kept[0]?.offset, kept.length], [floor, 10_000 - floor]);
      if (floor > 0) {
        await assert.rejects(log.read({ from: floor - 1 }), { code: 'LOG_PRUNED' });
      }
      await reopen();
      assert.deepEqual([log.floor, log.head], [floor, 10_000]);
      assert.equal(append(log, 200, []), false);
    });

    test('trim at the head empties the log; offsets and positions go on', async () => {
      const table = log.writer.defineTable(tableNamed('accounts'));
      append(log, 1, [changeOf(table, '1'), changeOf(table, '2')], 1000);
      await log.writer.flush();
      assert.equal(await log.trim(log.head), 2);
      assert.deepEqual([log.floor, log.head, log.position], [2, 2, position(1)]);
      await reopen();
      assert.deepEqual([log.floor, log.head, log.position], [2, 2, position(1)]);
      assert.equal(append(log, 1, [changeOf(table, '1')]), false);
      assert.equal(log.writer.defineTable(tableNamed('accounts')), table);
      assert.equal(append(log, 2, [changeOf(table, '3')]), true);
      await log.writer.flush();
      assert.deepEqual(
        (await readAll(log)).map(({ offset, key }) => [offset, key]),
        [[2, '3']],
      );
      assert.equal(await log.offsetAt(0), 2);
    });

    test('size tells bytes and segments', async () => {
      const { bytes, segments } = await log.size();
      assert.ok(bytes > 0 && segments >= 1);
    });
  });
}
