import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACK,
  DeliveryFixture,
  FAILED,
  recorder,
  rows,
  sink,
  statusOf,
  subscription,
} from '../../test/support/delivery-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';
import type { Outcome } from '../sink/sink.ts';
import type { SubscriptionDefinition } from './definition.ts';
import { KeptBuffers } from './kept-buffers.ts';
import { OpenRoom } from './open-room.ts';
import type { SubscriptionStatus } from './subscription-status.ts';

test('full from the limit on until a tenth is gone, and never for who has less than its share', () => {
  const room = new OpenRoom({ all: 100, share: 10, bytes: 1 });
  const refusals = (): boolean[] => [9, 10, 50].map((own) => room.refuses(own));
  room.add(99);
  assert.deepEqual(refusals(), [false, false, false]);
  room.add(1);
  assert.deepEqual(refusals(), [false, true, true]);
  room.add(-9);
  assert.deepEqual(refusals(), [false, true, true]);
  room.add(-1);
  assert.deepEqual(refusals(), [false, false, false]);
});

test('whoever waits is told when there is room again, once each time', () => {
  const room = new OpenRoom({ all: 100, share: 10, bytes: 100 });
  let told = 0;
  const tell = (): void => void (told += 1);
  room.onFreed(tell);
  room.add(100);
  room.add(-9);
  assert.equal(told, 0, 'not before a tenth is free');
  room.add(-2);
  room.add(-1);
  assert.equal(told, 1);
  const kept = room.buffers.keep(new ArrayBuffer(100), null);
  room.buffers.release(kept);
  assert.equal(told, 2);
  room.forget(tell);
  room.add(100);
  room.add(-100);
  assert.equal(told, 2);
});

const patient = (name: string): SubscriptionDefinition =>
  subscription(name, undefined, {
    delivery: { maxAttempts: 100, retry: { first: 60_000, factor: 1, max: 60_000, jitter: 0 } },
  });

test(
  'many endpoints that fail keep no more in memory than the room for all; nobody else waits',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const room = { all: 3_000, share: 100, bytes: 1 << 30 };
    await using delivery = fixture.deliver({}, undefined, room);
    let isDown = true;
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      delivery.register(
        patient(name),
        sink(async () => (isDown ? FAILED : ACK)),
      );
    }
    const well = recorder();
    delivery.register(subscription('well'), well);
    await delivery.start();
    for (let batch = 0; batch < 6; batch += 1) await fixture.write(rows(1_000, batch * 1_000));
    await until(() => well.changes.length === 6_000);
    const failing = (): SubscriptionStatus[] => names.map((name) => statusOf(delivery, name));
    await until(() => failing().every(({ state }) => state === 'full'));
    const kept = failing().reduce((sum, { retrying, blocked }) => sum + retrying + blocked, 0);
    const most = room.all + names.length * room.share;
    assert.ok(kept >= room.all * 0.9 && kept <= most, String(kept));
    isDown = false;
    // Whoever is taken away gives back what it had.
    for (const name of names.slice(0, 4)) await delivery.unregister(name);
    await until(() => statusOf(delivery, 'e').cursor === 6_000, 20_000, 'the last one to go on');
  },
);

test(
  'who waits for room goes on as soon as another gives it back, without a tick',
  ENDS,
  async (context) => {
    // The one thing that would come to its help in the end.
    context.mock.timers.enable({ apis: ['setInterval'] });
    await using fixture = await DeliveryFixture.create();
    const room = { all: 300, share: 10, bytes: 1 << 30 };
    await using delivery = fixture.deliver({}, undefined, room);
    let isDown = true;
    for (const name of ['holds', 'waits']) {
      delivery.register(
        patient(name),
        sink(async () => (isDown ? FAILED : ACK)),
      );
    }
    await delivery.start();
    await fixture.write(rows(400));
    const waits = (): SubscriptionStatus => statusOf(delivery, 'waits');
    await until(() => waits().state === 'full');
    await until(() => waits().inFlight === 0);
    isDown = false;
    const before = waits().cursor;
    assert.ok(before < 400, String(before));
    await delivery.unregister('holds');
    await until(() => waits().cursor === 400, 10_000, 'the one that waits to go on');
  },
);

test('a buffer counts once, for as long as any delivery needs it', () => {
  const buffers = new KeptBuffers(100);
  const [one, other] = [new ArrayBuffer(60), new ArrayBuffer(40)];
  const first = buffers.keep(one, null);
  const second = buffers.keep(one, first);
  assert.equal(buffers.keep(one, null), first, 'also for another subscription');
  assert.equal(buffers.full, false);
  const third = buffers.keep(other, second);
  assert.equal(buffers.full, true);
  buffers.release(third);
  assert.equal(buffers.full, false);
  for (let delivery = 0; delivery < 3; delivery += 1) buffers.release(first);
  // Kept again after nobody needed it: it counts anew.
  buffers.keep(one, first);
  buffers.keep(other, null);
  assert.equal(buffers.full, true);
});

test(
  'endpoints that hang while they catch up read little ahead once memory is short; nobody else waits',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const value = 'x'.repeat(20_000);
    await fixture.write(rows(500).map((row) => ({ ...row, value })));
    const bytes = 2 << 20;
    await using delivery = fixture.deliver({}, undefined, { all: 1e6, share: 100, bytes });
    // What is read and not delivered is what stays in memory: pages of catch-up, of one reader each.
    let read = 0;
    const readLog = fixture.log.read.bind(fixture.log);
    fixture.log.read = async (request) => {
      const page = await readLog(request);
      if (request.maxBytes === undefined) return page;
      const buffers = new Set(page.records.map(({ images }) => images.buffer));
      for (const { byteLength } of buffers) read += byteLength;
      return page;
    };
    const names = Array.from({ length: 20 }, (_, number) => `hangs-${number}`);
    for (const name of names) {
      const definition = subscription(name, undefined, {
        from: 'floor',
        delivery: { maxConcurrency: 1 },
      });
      delivery.register(
        definition,
        sink((_, signal) => aborted(signal)),
      );
    }
    const well = recorder();
    delivery.register(subscription('well', undefined, { from: 'head' }), well);
    await delivery.start();
    await until(() => names.every((name) => statusOf(delivery, name).inFlight === 1));
    await fixture.write(rows(2_000, 500));
    await until(() => well.changes.length === 2_000);
    const most = bytes + (1 << 20) + names.length * (160 << 10);
    assert.ok(read <= most, `${read} bytes were read, not ${most}`);
  },
);

/** Never ends before it is told to. */
function aborted(signal: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(FAILED), { once: true });
  });
}
