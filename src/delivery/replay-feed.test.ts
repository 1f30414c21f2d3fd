import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACK,
  DeliveryFixture,
  FAILED,
  isCaughtUp,
  range,
  recorder,
  rows,
  sink,
  subscription,
  neededFrom,
} from '../../test/support/delivery-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { Attempt, Outcome } from '../sink/sink.ts';

test(
  'a range of the log is delivered again, under the same ids, while new changes go on',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const endpoint = recorder();
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), endpoint);
    await delivery.start();
    await fixture.write(rows(3_000));
    await until(() => endpoint.changes.length === 3_000 && isCaughtUp(delivery));
    const replay = await delivery.replayRange('crm', 500, 2_500);
    assert.deepEqual([replay.kind, replay.next, replay.to], ['range', 500, 2_500]);
    await fixture.write(rows(100, 10_000));
    await until(() => endpoint.changes.length === 5_100);
    const again = endpoint.changes.slice(3_000);
    const ids = new Map(endpoint.changes.slice(0, 3_000).map(({ offset, id }) => [offset, id]));
    const replayed = again.filter(({ offset }) => offset < 3_000);
    assert.deepEqual(
      replayed.map(({ offset }) => offset).toSorted((a, b) => a - b),
      range(500, 2_500),
    );
    for (const { offset, id } of replayed) assert.equal(id, ids.get(offset));
    await until(async () => (await fixture.state.replays('crm')).length === 0);
    assert.equal((await fixture.state.countExceptions('crm')).blocked, 0);
    assert.equal(await neededFrom(delivery, fixture.state), 3_100);
  },
);

test(
  'a replay is never swallowed: the second of the same range delivers it once more',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const endpoint = recorder();
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), endpoint);
    await delivery.start();
    await fixture.write(rows(10));
    await until(() => endpoint.changes.length === 10 && isCaughtUp(delivery));
    for (let times = 2; times <= 4; times += 1) {
      await delivery.replayRange('crm', 'floor', null);
      await until(() => endpoint.changes.length === 10 * times);
    }
    await delivery.replay('crm', 3);
    await until(() => endpoint.changes.length === 41);
    assert.equal(endpoint.changes.at(-1)?.offset, 3);
  },
);

test('changes of one row are replayed in log order, also when they are many', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  const endpoint = recorder();
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm'), endpoint);
  await delivery.start();
  await fixture.write(Array.from({ length: 900 }, (_, index) => ({ key: String(index % 3) })));
  await until(() => endpoint.changes.length === 900 && isCaughtUp(delivery));
  await delivery.replayRange('crm', 'floor', null);
  await until(() => endpoint.changes.length === 1_800);
  const last = new Map<unknown, number>();
  for (const { key, offset } of endpoint.changes.slice(900)) {
    const row = JSON.stringify(key);
    assert.ok((last.get(row) ?? -1) < offset, `row ${row} at ${offset}`);
    last.set(row, offset);
  }
});

test(
  'a replay that is cut short by the end of the process goes on in the next, and skips nothing',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const seen = new Map<number, number>();
    let isReplaying = false;
    let hangsAfter = 1_500;
    let taken = 0;
    const count = async ({ change }: Attempt, signal: AbortSignal): Promise<Outcome> => {
      taken += 1;
      if (isReplaying && seen.size >= hangsAfter) {
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        return FAILED;
      }
      if (isReplaying) seen.set(change.offset, (seen.get(change.offset) ?? 0) + 1);
      return ACK;
    };
    {
      await using delivery = fixture.deliver();
      delivery.register(subscription('crm'), sink(count));
      await delivery.start();
      await fixture.write(rows(20_000));
      await until(() => taken === 20_000 && isCaughtUp(delivery));
      isReplaying = true;
      await delivery.replayRange('crm', 'floor', null);
      await until(() => seen.size === hangsAfter);
      await delivery[Symbol.asyncDispose]();
    }
    hangsAfter = Infinity;
    await fixture.reopenState();
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), sink(count));
    await delivery.start();
    await until(() => seen.size === 20_000);
    await until(async () => (await fixture.state.replays('crm')).length === 0);
  },
);

test(
  'a range may reach beyond a cursor that a slow attempt holds, and nothing of it is swallowed',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const seen: number[] = [];
    const slow = Promise.withResolvers<void>();
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm'),
      sink(async ({ change }) => {
        if (change.offset === 0) await slow.promise;
        seen.push(change.offset);
        return ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(10));
    await until(() => seen.length === 9);
    await delivery.replayRange('crm', 'floor', null);
    slow.resolve();
    await until(() => seen.filter((offset) => offset > 0).length === 18);
  },
);

test('everything that is parked is delivered again, and only that', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  let isFailing = true;
  const taken: number[] = [];
  await using delivery = fixture.deliver();
  delivery.register(
    subscription('crm', undefined, { delivery: { maxAttempts: 1 } }),
    sink(async ({ change }) => {
      if (isFailing && change.offset % 2 === 0) return FAILED;
      taken.push(change.offset);
      return ACK;
    }),
  );
  await delivery.start();
  await fixture.write(rows(3_000));
  await until(() => delivery.status()[0]?.parked === 1_500 && taken.length === 1_500);
  isFailing = false;
  await delivery.replayParked('crm');
  await until(() => taken.length === 3_000);
  assert.deepEqual(
    taken.slice(1_500).toSorted((a, b) => a - b),
    range(0, 3_000).filter((offset) => offset % 2 === 0),
  );
  await until(() => delivery.status()[0]?.parked === 0);
  const { next, to } = await delivery.replayParked('crm');
  assert.equal(to, next, 'nothing is parked any more');
  assert.deepEqual(delivery.status()[0]?.replays, []);
});

test('what cannot be replayed is refused: still to come, not wanted, not there', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  const endpoint = recorder();
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm', ['public.accounts']), endpoint);
  await delivery.start();
  await fixture.write([...rows(2), ...rows(2, 0, 'public.other')]);
  await until(() => endpoint.changes.length === 2 && isCaughtUp(delivery));
  await delivery.pause('crm', 'to see');
  await fixture.write(rows(1, 50));
  const refused = async (offset: number, code: Parameters<typeof isTidingsError>[1]) =>
    assert.rejects(delivery.replay('crm', offset), (error) => isTidingsError(error, code));
  await refused(2, 'CHANGE_NOT_WANTED');
  await refused(4, 'DELIVERY_NOT_YET');
  await refused(99, 'OFFSET_UNKNOWN');
  await delivery.resume('crm');
  await until(() => endpoint.changes.length === 3);
});
