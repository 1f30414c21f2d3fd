import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KeptRecord } from './kept-record.ts';
import type { State, StoredException, StoredSubscription } from './state.ts';

/** A state in a place of its own that can be opened again, as after a restart. */
export interface StateUnderTest extends AsyncDisposable {
  open(): Promise<State>;
}

/** What every implementation of the state has to do. */
export function testState(name: string, create: () => Promise<StateUnderTest>): void {
  describe(`state: ${name}`, () => {
    test('is empty at first', async () => {
      await using place = await create();
      await using state = await place.open();
      assert.deepEqual(await state.subscriptions(), []);
      assert.equal(await state.subscription('crm'), null);
      assert.equal(await state.sourceIdentity('main'), null);
      assert.equal(await state.heartbeat(), null);
      assert.equal(await state.furthest('main'), null);
      assert.deepEqual(await state.needs('main'), []);
    });

    test('a checkpoint takes effect as a whole and outlasts the process', async () => {
      await using place = await create();
      {
        await using state = await place.open();
        await state.addSubscriptions([subscription('crm', 5), subscription('mail', 0)]);
        await state.checkpoint([
          {
            name: 'crm',
            cursor: 20,
            put: [exception(7, 'retrying'), exception(9, 'blocked'), exception(11, 'parked')],
            remove: [],
            losses: [{ from: 5, to: 7, at: 1_000 }],
          },
          { name: 'mail', cursor: 3, put: [], remove: [], losses: [] },
        ]);
        await state.checkpoint([
          { name: 'crm', cursor: 21, put: [exception(9, 'retrying')], remove: [7], losses: [] },
        ]);
      }
      await using state = await place.open();
      assert.deepEqual(await state.subscription('crm'), subscription('crm', 21));
      assert.deepEqual(await state.subscription('mail'), subscription('mail', 3));
      assert.deepEqual(await state.furthest('main'), { name: 'crm', cursor: 21 });
      assert.equal(await state.furthest('other'), null);
      assert.deepEqual(
        await state.exceptions({ subscription: 'crm', states: ['retrying', 'blocked', 'parked'] }),
        [exception(9, 'retrying'), exception(11, 'parked')],
      );
      assert.deepEqual(await state.countExceptions('crm'), { retrying: 1, blocked: 0, parked: 1 });
      assert.deepEqual(await state.losses('crm'), [{ from: 5, to: 7, at: 1_000 }]);
      assert.deepEqual(await state.exception('crm', 11), exception(11, 'parked'));
      assert.equal(await state.exception('crm', 7), null);
    });

    test('keeps where an error was thrown', async () => {
      await using place = await create();
      const error = {
        code: 'HANDLER_FAILED',
        message: 'no',
        stack: 'at insert (file:///h.ts:1:2)',
      };
      const failed: StoredException = { ...exception(7, 'parked'), error };
      await using state = await place.open();
      await state.addSubscriptions([subscription('crm', 5)]);
      await state.checkpoint([
        { name: 'crm', cursor: 20, put: [failed], remove: [], losses: [], restsUntil: null },
      ]);
      assert.deepEqual(await state.exception('crm', 7), failed);
    });

    test('keeps what an endpoint answered, and why a delivery was given up', async () => {
      await using place = await create();
      const answered: StoredException = {
        ...exception(7, 'parked'),
        error: { code: 'WEBHOOK_STATUS', message: 'no', answer: { status: 500, excerpt: 'oh' } },
      };
      const discarded: StoredException = {
        ...exception(9, 'discarded'),
        discarded: { reason: 'sold', at: 1_700_000_000_123 },
      };
      {
        await using state = await place.open();
        await state.addSubscriptions([subscription('crm', 5)]);
        const put = [answered, discarded];
        await state.checkpoint([
          { name: 'crm', cursor: 20, put, remove: [], losses: [], restsUntil: 1_700_000_000_456 },
        ]);
      }
      await using state = await place.open();
      assert.deepEqual(await state.exception('crm', 7), answered);
      assert.deepEqual(await state.exception('crm', 9), discarded);
      assert.equal((await state.subscription('crm'))?.restsUntil, 1_700_000_000_456);
      assert.equal(await neededFrom(state), 7);
      await state.checkpoint([{ name: 'crm', cursor: 20, put: [], remove: [7], losses: [] }]);
      assert.equal((await state.subscription('crm'))?.restsUntil, 1_700_000_000_456);
      // What was given up holds no log, and is forgotten with it.
      assert.equal(await neededFrom(state), 20);
      await state.forgetDiscarded('main', 9);
      assert.notEqual(await state.exception('crm', 9), null);
      await state.forgetDiscarded('main', 10);
      assert.equal(await state.exception('crm', 9), null);
    });

    test('replays get on with checkpoints, hold the log, and end', async () => {
      await using place = await create();
      {
        await using state = await place.open();
        await state.addSubscriptions([subscription('crm', 500)]);
        const first = await state.addReplay('crm', { kind: 'range', next: 10, to: 100 });
        const second = await state.addReplay('crm', { kind: 'parked', next: 0, to: 500 });
        assert.deepEqual(await state.replays('crm'), [first, second]);
        assert.equal(await neededFrom(state), 10);
        const replays = [
          { ...first, next: 60 },
          { ...second, next: 500 },
        ];
        await state.checkpoint([
          { name: 'crm', cursor: 500, put: [], remove: [], losses: [], replays },
        ]);
      }
      await using state = await place.open();
      const [left, ...others] = await state.replays('crm');
      assert.deepEqual([left?.kind, left?.next, left?.to, others], ['range', 60, 100, []]);
      await state.rewind('crm', 80);
      assert.deepEqual((await state.replays('crm'))[0]?.to, 80);
      await state.rewind('crm', 60);
      assert.deepEqual(await state.replays('crm'), []);
    });

    test('remembers the definition of a subscription made while it runs', async () => {
      await using place = await create();
      {
        await using state = await place.open();
        await state.addSubscriptions([{ ...subscription('api', 5), definition: '{"a":1}' }]);
        await state.setDefinition('api', '{"a":2}');
      }
      await using state = await place.open();
      assert.equal((await state.subscription('api'))?.definition, '{"a":2}');
    });

    test('of a checkpoint that fails nothing takes effect', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.addSubscriptions([subscription('crm', 5)]);
      const bad = { ...exception(8, 'parked'), state: 'nonsense' as 'parked' };
      await assert.rejects(
        state.checkpoint([
          { name: 'crm', cursor: 20, put: [exception(7, 'parked'), bad], remove: [], losses: [] },
        ]),
      );
      assert.equal((await state.subscription('crm'))?.cursor, 5);
      assert.equal(await state.exception('crm', 7), null);
      await state.checkpoint([{ name: 'crm', cursor: 6, put: [], remove: [], losses: [] }]);
      assert.equal((await state.subscription('crm'))?.cursor, 6);
    });

    test('a rewind drops the exceptions from there on and keeps those before', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.addSubscriptions([subscription('crm', 0)]);
      const put = [exception(3, 'retrying'), exception(5, 'parked'), exception(6, 'blocked')];
      await state.checkpoint([{ name: 'crm', cursor: 10, put, remove: [], losses: [] }]);
      await state.rewind('crm', 5);
      assert.equal((await state.subscription('crm'))?.cursor, 5);
      const left = await state.exceptions({
        subscription: 'crm',
        states: ['retrying', 'blocked', 'parked'],
      });
      assert.deepEqual(
        left.map(({ offset }) => offset),
        [3],
      );
    });

    test('pausing and resuming is remembered', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.addSubscriptions([subscription('crm', 0)]);
      await state.setPaused('crm', { reason: 'maintenance', since: 7 });
      assert.deepEqual((await state.subscription('crm'))?.paused, {
        reason: 'maintenance',
        since: 7,
      });
      await state.setPaused('crm', null);
      assert.equal((await state.subscription('crm'))?.paused, null);
    });

    test('lists of thousands come in pages, each exception once', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.addSubscriptions(
        Array.from({ length: 2_500 }, (_, index) => subscription(`s${index}`, index)),
      );
      const put = Array.from({ length: 5_000 }, (_, index) =>
        exception(index * 2, index % 5 === 0 ? 'blocked' : 'parked'),
      );
      await state.checkpoint([{ name: 's1', cursor: 20_000, put, remove: [], losses: [] }]);
      const seen: number[] = [];
      for (let after = -1; ;) {
        const page = await state.exceptions({
          subscription: 's1',
          states: ['parked'],
          after,
          limit: 333,
        });
        assert.ok(page.length <= 333);
        if (page.length === 0) break;
        seen.push(...page.map(({ offset }) => offset));
        after = seen.at(-1) ?? 0;
      }
      assert.deepEqual(
        seen,
        put.filter(({ state }) => state === 'parked').map(({ offset }) => offset),
      );
      const names: string[] = [];
      for (;;) {
        const after = names.at(-1);
        const page = await state.subscriptions(after === undefined ? {} : { after });
        if (page.length === 0) break;
        names.push(...page.map(({ name }) => name));
      }
      assert.equal(new Set(names).size, 2_500);
      assert.equal(names.length, 2_500);
    });

    test('what is still needed is the lowest cursor or exception of the source', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.addSubscriptions([
        subscription('a', 50),
        subscription('b', 40),
        { ...subscription('c', 1), source: 'other' },
      ]);
      assert.equal(await neededFrom(state), 40);
      const put = [exception(12, 'parked')];
      await state.checkpoint([{ name: 'a', cursor: 50, put, remove: [], losses: [] }]);
      await state.sync();
      assert.equal(await neededFrom(state), 12);
      await state.removeSubscription('a');
      assert.equal(await neededFrom(state), 40);
      assert.deepEqual(await state.countExceptions('a'), { retrying: 0, blocked: 0, parked: 0 });
    });

    test('records are kept aside as they were, as long as a delivery needs them', async () => {
      await using place = await create();
      {
        await using state = await place.open();
        await state.addSubscriptions([subscription('a', 50), subscription('b', 50)]);
        const put = [exception(12, 'parked'), exception(14, 'retrying'), exception(16, 'blocked')];
        await state.checkpoint([
          { name: 'a', cursor: 50, put, remove: [], losses: [] },
          { name: 'b', cursor: 50, put: [exception(12, 'parked')], remove: [], losses: [] },
        ]);
        const range = { from: 0, to: 16 };
        assert.deepEqual(await state.neededOffsets('main', { ...range, limit: 10 }), [12, 14]);
        assert.deepEqual(await state.neededOffsets('main', { ...range, limit: 1 }), [12]);
        assert.equal(await state.countNeeded('main', range), 2);
        assert.deepEqual(await state.neededBy('main', range), ['a', 'b']);
        assert.deepEqual(await state.neededBy('main', { from: 13, to: 16 }), ['a']);
        await state.keep('main', [kept(12), kept(14)]);
        await state.keep('main', [kept(12)]);
        await state.keep('other', [kept(12)]);
        assert.deepEqual(await state.kept('main'), { records: 2, bytes: 200 });
        assert.deepEqual(await state.keptFor('main'), [
          { subscription: 'a', records: 2, bytes: 200, offset: 12 },
          { subscription: 'b', records: 1, bytes: 100, offset: 12 },
        ]);
        assert.deepEqual(await state.keptFor('other'), []);
        assert.deepEqual(await state.neededOffsets('main', { ...range, limit: 10 }), []);
      }
      await using state = await place.open();
      const { images: _, ...note } = kept(14);
      assert.deepEqual(await state.keptNotes('main', { from: 13, limit: 10 }), [note]);
      const [first] = await state.keptNotes('main', { from: 0, limit: 1 });
      assert.equal(first?.offset, 12);
      assert.deepEqual(await state.keptNotes('main', { from: 15, limit: 1 }), []);
      assert.deepEqual(await state.keptRecord('main', 14), kept(14));
      assert.equal(await state.keptRecord('main', 16), null);
      await state.forgetKept('main', 20);
      assert.deepEqual(await state.kept('main'), { records: 2, bytes: 200 });
      await state.checkpoint([{ name: 'a', cursor: 50, put: [], remove: [12, 14], losses: [] }]);
      await state.forgetKept('main', 20);
      assert.deepEqual(await state.kept('main'), { records: 1, bytes: 100 }, 'b needs one still');
      await state.forgetKept('main', 12);
      assert.equal(await state.keptRecord('main', 12), null, 'it is in the log as well');
      assert.deepEqual(await state.kept('other'), { records: 1, bytes: 100 });
    });

    test('beyond a limit the oldest kept ones go, and each loss is noted once', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.addSubscriptions([subscription('a', 50)]);
      const offsets = [2, 4, 6, 8];
      const put = offsets.map((offset) => exception(offset, 'retrying'));
      await state.checkpoint([{ name: 'a', cursor: 50, put, remove: [], losses: [] }]);
      await state.keep('main', offsets.map(kept));
      assert.deepEqual(await state.noteLost('main', 10), []);
      await state.dropKept('main', { maxBytes: 350, since: null });
      assert.deepEqual(await state.noteLost('main', 10), [{ subscription: 'a', offsets: [2] }]);
      await state.dropKept('main', { maxBytes: null, since: kept(8).transaction.committedAt });
      assert.deepEqual(await state.noteLost('main', 10), [{ subscription: 'a', offsets: [4, 6] }]);
      assert.deepEqual(await state.noteLost('main', 10), []);
      const losses = (await state.losses('a')).map(({ from, to }) => [from, to]);
      assert.deepEqual(losses, [
        [6, 7],
        [4, 5],
        [2, 3],
      ]);
    });

    test('remembers which database a log belongs to, and the last sign of life', async () => {
      await using place = await create();
      await using state = await place.open();
      await state.setSourceIdentity('main', '7312/shop');
      assert.equal(await state.sourceIdentity('main'), '7312/shop');
      const beat = { pid: 7, startedAt: 1, at: 2, status: '{"a":1}' };
      await state.beat({ ...beat, at: 1 });
      await state.beat(beat);
      assert.deepEqual(await state.heartbeat(), beat);
      await state.beat(null);
      assert.equal(await state.heartbeat(), null);
    });
  });
}

function kept(offset: number): KeptRecord {
  const transaction = {
    first: offset,
    last: offset,
    id: '7',
    position: `00${offset}`,
    committedAt: 1_700_000_000_000_000 + offset,
    context: offset === 14 ? '{"actor":"ann"}' : null,
  };
  return {
    offset,
    tableId: 3,
    operation: 'update',
    key: 'k',
    previousKey: offset === 14 ? 'old' : null,
    images: new Uint8Array(100).fill(offset),
    transaction,
  };
}

async function neededFrom(state: State): Promise<number> {
  const range = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 1 };
  const offsets = await state.neededOffsets('main', range);
  const needs = await state.needs('main');
  return Math.min(...offsets, ...needs.map(({ cursor, replay }) => replay ?? cursor));
}

function subscription(name: string, cursor: number): StoredSubscription {
  return {
    name,
    source: 'main',
    cursor,
    paused: null,
    createdAt: 1_700_000_000_000,
    definition: null,
    restsUntil: null,
  };
}

function exception(offset: number, state: StoredException['state']): StoredException {
  return {
    offset,
    tableId: 3,
    table: 'public.accounts',
    key: `key ${offset}`,
    previousKey: offset % 2 === 0 ? null : 'old',
    state,
    attempts: 4,
    nextAttemptAt: state === 'retrying' ? 1_700_000_000_123 : null,
    error: state === 'blocked' ? null : { code: 'HANDLER_FAILED', message: 'no' },
    failedAt: state === 'blocked' ? null : 1_700_000_000_000,
  };
}
