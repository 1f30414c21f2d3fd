import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { TableMark } from '../change/mark.ts';
import {
  append,
  changeOf,
  type LogLocation,
  position,
  readAll,
  tableNamed,
} from './log.contract.ts';
import type { Log, LoggedMark } from './log.ts';

/** What was done to a partition of table `ord`. */
export function markOf(name: string, more: Partial<TableMark> = {}): TableMark {
  const partition = { id: `oid ${name}`, schema: 'public', name };
  return { schema: 'public', name: 'ord', origin: '70', kind: 'detached', partition, ...more };
}

/**
 * What every log promises of marks, whatever keeps it.
 * @param locate makes a place for one new log.
 */
export function testMarksContract(name: string, locate: () => Promise<LogLocation>): void {
  describe(`marks contract: ${name}`, () => {
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

    /** The marks now, and after opening the log again. */
    async function assertMarks(expected: readonly LoggedMark[]): Promise<void> {
      assert.deepEqual([...log.marks()], expected);
      await reopen();
      assert.deepEqual([...log.marks()], expected);
    }

    test('a mark has its place among the records of its transaction', async () => {
      const { writer } = log;
      const table = writer.defineTable(tableNamed('ord'));
      append(log, 1, [changeOf(table, '1')]);
      writer.begin({ id: '812', position: position(2) });
      writer.append(changeOf(table, '2'));
      writer.mark(markOf('ord_1'));
      writer.append(changeOf(table, '3'));
      writer.mark(markOf('ord_2', { kind: 'attached' }));
      assert.deepEqual([...log.marks()], [], 'invariant 2: not before the flush');
      writer.commit({ committedAt: 2000, context: null });
      await writer.flush();
      const shared = { at: 2000, transaction: { id: '812', position: position(2) } };
      await assertMarks([
        { ...markOf('ord_1'), ...shared, offset: 2, since: 2 },
        { ...markOf('ord_2', { kind: 'attached' }), ...shared, offset: 3, since: 3 },
      ]);
    });

    test('a transaction that has nothing but a mark leaves it, once', async () => {
      const only = (): boolean => {
        const { writer } = log;
        if (!writer.begin({ id: '5', position: position(5) })) return false;
        writer.mark(markOf('ord_1', { kind: 'dropped' }));
        writer.commit({ committedAt: 5000, context: null });
        return true;
      };
      assert.equal(only(), true);
      assert.deepEqual(log.writer.pending, { records: 0, transactions: 1 });
      assert.equal(only(), false, 'invariant 3: not yet flushed');
      await log.writer.flush();
      assert.equal(log.position, position(5));
      assert.equal(only(), false, 'invariant 3');
      const transaction = { id: '5', position: position(5) };
      const mark = markOf('ord_1', { kind: 'dropped' });
      await assertMarks([{ ...mark, transaction, at: 5000, offset: 0, since: 0 }]);
      assert.equal(only(), false, 'invariant 3: sent again after opening');
      assert.deepEqual(await log.lastTransactions(10), []);
      append(log, 6, [changeOf(log.writer.defineTable(tableNamed('ord')), '1')]);
      await log.writer.flush();
      assert.deepEqual(
        (await readAll(log)).map(({ offset }) => offset),
        [0],
        'invariant 3: a mark takes no offset',
      );
    });

    test('an abandoned transaction leaves none, nor does one that is not flushed', async () => {
      const { writer } = log;
      writer.begin({ id: '1', position: position(1) });
      writer.mark(markOf('ord_1'));
      writer.abandon();
      append(log, 2, []);
      await writer.flush();
      await assertMarks([]);
      const again = log.writer;
      again.begin({ id: '3', position: position(3) });
      again.mark(markOf('ord_1'));
      await again.flush();
      assert.deepEqual([...log.marks()], [], 'invariant 2: the transaction is open');
      again.commit({ committedAt: 3, context: null });
      await reopen();
      assert.deepEqual([...log.marks()], []);
    });

    test('one that was found by comparing says from where on it may have happened', async () => {
      const { writer } = log;
      const table = writer.defineTable(tableNamed('ord'));
      for (const number of [1, 3]) {
        append(log, number, [changeOf(table, '1'), changeOf(table, '2')]);
      }
      await writer.flush();
      append(log, 5, [changeOf(table, '3')]);
      writer.mark(markOf('ord_1'), { after: position(2), at: 77 });
      writer.mark(markOf('ord_2'), { after: position(5), at: 78 });
      writer.mark(markOf('ord_3'), { after: null, at: 79 });
      await writer.flush();
      append(log, 7, [changeOf(table, '3')]);
      writer.mark(markOf('ord_4'), { after: position(8), at: 80 });
      writer.mark(markOf('ord_5'), { after: position(3), at: 81 });
      await writer.flush();
      const found = (name: string, at: number, since: number, offset: number): LoggedMark => {
        return { ...markOf(name), transaction: null, at, since, offset };
      };
      await assertMarks([
        found('ord_1', 77, 2, 5),
        found('ord_2', 78, 5, 5),
        found('ord_3', 79, 0, 5),
        found('ord_4', 80, 6, 6),
        found('ord_5', 81, 4, 6),
      ]);
    });

    test('one that was found says nothing twice, and nothing that a transaction has said', async () => {
      const { writer } = log;
      writer.begin({ id: '1', position: position(1) });
      writer.mark(markOf('ord_1'));
      writer.commit({ committedAt: 1, context: null });
      writer.mark(markOf('ord_1'), { after: null, at: 2 });
      writer.mark(markOf('ord_2'), { after: null, at: 3 });
      writer.mark(markOf('ord_2'), { after: null, at: 4 });
      await writer.flush();
      writer.mark(markOf('ord_1'), { after: null, at: 5 });
      writer.mark(markOf('ord_2', { kind: 'attached' }), { after: null, at: 6 });
      writer.mark(markOf('ord_2'), { after: null, at: 7 });
      await writer.flush();
      assert.deepEqual(
        log.marks().map(({ partition, kind, at }) => [partition?.name, kind, at]),
        [
          ['ord_1', 'detached', 1],
          ['ord_2', 'detached', 3],
          ['ord_2', 'attached', 6],
          ['ord_2', 'detached', 7],
        ],
      );
    });

    test('they are carried on, and go with what retention removes', async () => {
      const { writer } = log;
      const table = writer.defineTable(tableNamed('ord'));
      for (let number = 1; number <= 200; number++) {
        writer.begin({ id: `${number}`, position: position(number) });
        for (let n = 0; n < 50; n++) writer.append(changeOf(table, `${n}`, 'x'.repeat(300)));
        if (number % 20 === 0) writer.mark(markOf(`ord_${number}`));
        if (number === 10) writer.mark(markOf('there', { kind: 'present' }));
        writer.commit({ committedAt: number, context: null });
        if (number % 10 === 0) await writer.flush();
      }
      const isThere = (mark: LoggedMark): boolean => mark.partition?.name === 'there';
      // That a partition is there has to be known as long as it is.
      const offsets = (): readonly number[] => {
        assert.equal(log.marks().filter(isThere).length, 1);
        return log.marks().flatMap((mark) => (isThere(mark) ? [] : [mark.offset]));
      };
      const all = [1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10_000];
      assert.deepEqual(offsets(), all);
      const floor = await log.trim(5000);
      const kept = all.filter((offset) => offset >= floor);
      assert.deepEqual(offsets(), kept);
      await reopen();
      assert.deepEqual(offsets(), kept);
      await log.trim(log.head);
      // The last one lies where the log now begins: whoever asks for its floor must know of it.
      assert.deepEqual(offsets(), [10_000]);
      await reopen();
      assert.deepEqual(offsets(), [10_000]);
    });
  });
}
