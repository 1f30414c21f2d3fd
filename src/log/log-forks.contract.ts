import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { abandonedBy, abandonedText } from './forks.ts';
import {
  append,
  changeOf,
  type LogLocation,
  position,
  readAll,
  tableNamed,
} from './log.contract.ts';
import type { Log, LogFork } from './log.ts';

const HISTORY = 'r0001.';

/**
 * What every log promises of forks and of the lineage that it follows, whatever keeps it.
 * @param locate makes a place for one new log.
 */
export function testForksContract(name: string, locate: () => Promise<LogLocation>): void {
  describe(`forks contract: ${name}`, () => {
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

    /** Three transactions, of which the last two are abandoned at once. */
    async function fork(): Promise<LogFork> {
      const table = log.writer.defineTable(tableNamed('accounts'));
      for (const number of [1, 2, 3]) append(log, number, [changeOf(table, String(number))]);
      await log.writer.flush();
      const noted = {
        abandoned: 1,
        from: position(3),
        to: HISTORY + position(1),
        reason: 'its timeline 2 left timeline 1 there',
        at: 17,
      };
      log.writer.recordFork(noted);
      log.writer.reached(noted.to);
      log.writer.lineage('1@0 2@1');
      assert.deepEqual([...log.forks()], [], 'not before the flush');
      await log.writer.flush();
      return { ...noted, offset: 3 };
    }

    test('a fork is kept with what it abandoned, and its records stay', async () => {
      const expected = await fork();
      for (let times = 0; times < 2; times++) {
        assert.deepEqual([...log.forks()], [expected]);
        assert.equal(log.lineage, '1@0 2@1');
        assert.equal(log.position, expected.to);
        assert.equal((await readAll(log)).length, 3);
        await reopen();
      }
      assert.deepEqual(
        [0, 1, 2, 3].map((offset) => abandonedBy(log.forks(), offset)?.offset),
        [undefined, 3, 3, undefined],
      );
      assert.equal(abandonedText(expected), 'offsets 1 to 2');
    });

    test('positions of the new history follow, although the source begins earlier', async () => {
      await fork();
      const { writer } = log;
      const table = writer.defineTable(tableNamed('accounts'));
      const transaction = { id: '900', position: HISTORY + position(2) };
      assert.equal(writer.begin({ id: '900', position: position(2) }), false, 'invariant 3');
      assert.equal(writer.begin(transaction), true);
      writer.append(changeOf(table, '9'));
      writer.commit({ committedAt: 5000, context: null });
      await writer.flush();
      assert.equal(log.position, transaction.position);
      await reopen();
      assert.equal(log.writer.begin(transaction), false, 'invariant 3');
      assert.deepEqual(
        (await readAll(log)).map(({ key }) => key),
        ['1', '2', '3', '9'],
      );
    });

    test('it goes with its records, and is carried on until then', async () => {
      await fork();
      const table = log.writer.defineTable(tableNamed('accounts'));
      assert.equal(await log.trim(3), 3);
      assert.equal(log.forks().length, 1, 'what comes at the floor is of the new history');
      log.writer.begin({ id: '900', position: HISTORY + position(2) });
      log.writer.append(changeOf(table, '9'));
      log.writer.commit({ committedAt: 5000, context: null });
      await log.writer.flush();
      assert.equal(await log.trim(4), 4);
      assert.deepEqual([...log.forks()], []);
      assert.equal(log.lineage, '1@0 2@1');
    });

    test('a lineage alone is stored too, and stays when nothing else is said', async () => {
      assert.equal(log.lineage, null);
      log.writer.lineage('1@0');
      await log.writer.flush();
      await reopen();
      assert.equal(log.lineage, '1@0');
      log.writer.reached(position(1));
      await log.writer.flush();
      await reopen();
      assert.equal(log.lineage, '1@0');
    });
  });
}
