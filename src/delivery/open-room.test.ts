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
} from '../../test/delivery-fixture.ts';
import { ENDS, until } from '../../test/until.ts';
import type { SubscriptionDefinition } from './definition.ts';
import { OpenRoom } from './open-room.ts';
import type { SubscriptionStatus } from './subscription-status.ts';

test('full from the limit on until a tenth is gone, and never for who has less than its share', () => {
  const room = new OpenRoom({ all: 100, share: 10 });
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

const patient = (name: string): SubscriptionDefinition =>
  subscription(name, undefined, {
    delivery: { maxAttempts: 100, retry: { first: 60_000, factor: 1, max: 60_000, jitter: 0 } },
  });

test(
  'many endpoints that fail keep no more in memory than the room for all; nobody else waits',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const room = { all: 3_000, share: 100 };
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
