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
import type { Attempt, Outcome } from '../sink/sink.ts';

const BUSY: Outcome = {
  kind: 'retry',
  error: { code: 'BUSY', message: 'busy', answer: { status: 429, excerpt: 'later' } },
  after: 400,
  rest: true,
};
const GONE: Outcome = { kind: 'gone', error: { code: 'GONE', message: 'gone' } };

test(
  'an endpoint that asks for a rest gets nothing until it is over, and it costs no attempt',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const seen: { readonly offset: number; readonly number: number; readonly at: number }[] = [];
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, {
        delivery: { maxAttempts: 5, retry: { first: 60_000, factor: 1, max: 60_000, jitter: 0 } },
      }),
      sink(async ({ change, number }) => {
        seen.push({ offset: change.offset, number, at: performance.now() });
        return seen.length === 1 ? BUSY : ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(1));
    await until(() => statusOf(delivery).restsUntil !== null);
    await fixture.write(rows(20, 1));
    await until(() => seen.length === 22);
    const [first, ...later] = seen;
    assert.ok(first !== undefined);
    // Also what came in meanwhile waited; a timer may fire a millisecond early.
    for (const { at } of later) assert.ok(at - first.at >= 399, `${at - first.at} ms`);
    assert.deepEqual(
      seen.filter(({ offset }) => offset === 0).map(({ number }) => number),
      [1, 1],
    );
  },
);

for (const after of [0, -1, undefined]) {
  test(
    `a rest that is over already (${after}) is none: a failure like any other`,
    ENDS,
    async () => {
      await using fixture = await DeliveryFixture.create();
      let attempts = 0;
      await using delivery = fixture.deliver();
      delivery.register(
        subscription('crm', undefined, { delivery: { maxAttempts: 3 } }),
        sink(async () => {
          attempts += 1;
          const { error } = BUSY as Outcome & { kind: 'retry' };
          return { kind: 'retry', error, rest: true, ...(after === undefined ? {} : { after }) };
        }),
      );
      await delivery.start();
      await fixture.write(rows(1));
      await until(() => statusOf(delivery).parked === 1, 5_000, 'the end of the attempts');
      assert.equal(attempts, 3);
    },
  );
}

test('a rest outlasts a restart', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  {
    await using delivery = fixture.deliver();
    const busy: Outcome = { ...BUSY, after: 3_600_000 };
    delivery.register(
      subscription('crm'),
      sink(async () => busy),
    );
    await delivery.start();
    await fixture.write(rows(1));
    await until(async () => (await fixture.state.subscription('crm'))?.restsUntil !== null);
    await delivery.drain(AbortSignal.timeout(5_000));
  }
  await fixture.reopenState();
  const endpoint = recorder();
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm'), endpoint);
  await delivery.start();
  await fixture.write(rows(5, 1));
  await until(() => statusOf(delivery).lag >= 5);
  const left = (statusOf(delivery).restsUntil ?? 0) - Date.now();
  assert.ok(left > 3_500_000 && left < 4_000_000, `${left} ms`);
  assert.deepEqual(endpoint.changes, []);
  // Somebody knows better.
  await delivery.retry('crm', 0);
  await until(() => endpoint.changes.length === 6);
});

test('an endpoint that says "later" for ever cannot hold a row for ever', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await using delivery = fixture.deliver();
  const busy: Outcome = { ...BUSY, after: 1 };
  delivery.register(
    subscription('crm', undefined, {
      delivery: { maxAttempts: 3, retry: { first: 20, factor: 1, max: 20, jitter: 0 } },
    }),
    sink(async () => busy),
  );
  await delivery.start();
  await fixture.write(rows(1));
  await until(() => statusOf(delivery).parked === 1);
});

test(
  'attempts begin no faster than the rate, and waiting for one costs no attempt',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const seen: number[] = [];
    const numbers = new Set<number>();
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { rate: 50, timeout: 200 } }),
      sink(async ({ number }: Attempt) => {
        seen.push(performance.now());
        numbers.add(number);
        return ACK;
      }),
    );
    await delivery.start();
    // The first attempt begins after this; when it is seen, a busy machine may have let time go by.
    const began = performance.now();
    await fixture.write(rows(30));
    await until(() => seen.length === 30);
    for (const [index, at] of seen.entries()) {
      // 20 ms each, of which one may come 10 ms early.
      assert.ok(at - began >= index * 20 - 12, `attempt ${index} after ${at - began} ms`);
    }
    assert.deepEqual([...numbers], [1]);
  },
);

test(
  'an endpoint that is gone pauses its subscription, and nothing is lost or counted',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    let isGone = true;
    const taken: Attempt[] = [];
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { maxConcurrency: 1 } }),
      sink(async (attempt) => {
        if (isGone) return GONE;
        taken.push(attempt);
        return ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(5));
    await until(async () => (await fixture.state.subscription('crm'))?.paused !== null);
    await until(() => statusOf(delivery).inFlight === 0);
    assert.equal(statusOf(delivery).state, 'paused');
    assert.match(statusOf(delivery).reason ?? '', /wants nothing any more: gone/);
    isGone = false;
    await delivery.resume('crm');
    await until(() => taken.length === 5);
    // They are of different rows, and first attempts go ahead.
    assert.deepEqual(
      taken
        .map(({ change, number }) => [change.offset, number])
        .toSorted(([one = 0], [other = 0]) => one - other),
      [0, 1, 2, 3, 4].map((offset) => [offset, 1]),
    );
  },
);

test(
  'when an endpoint begins to fail and when it takes changes again is told once',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const told: unknown[] = [];
    await using delivery = fixture.deliver({
      failing: (name, offset, { code }) => told.push([name, offset, code]),
      recovered: (name, { failures }) => told.push([name, failures > 2]),
    });
    let fails = true;
    let failures = 0;
    const definition = subscription('crm', undefined, { delivery: { maxConcurrency: 1 } });
    delivery.register(
      definition,
      sink(async () => {
        if (!fails) return ACK;
        failures += 1;
        return FAILED;
      }),
    );
    await delivery.start();
    await fixture.write(rows(3));
    await until(() => failures > 5);
    fails = false;
    await until(() => statusOf(delivery).delivered === 3);
    assert.deepEqual(told, [
      ['crm', 0, 'TEST'],
      ['crm', true],
    ]);
  },
);

test('what an endpoint answered is kept with the delivery', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await using delivery = fixture.deliver();
  const answer = { status: 500, excerpt: 'no such customer' };
  const refused: Outcome = { kind: 'reject', error: { code: 'NO', message: 'no', answer } };
  delivery.register(
    subscription('crm'),
    sink(async ({ change }) => (change.offset === 0 ? refused : FAILED)),
  );
  await delivery.start();
  await fixture.write(rows(1));
  await until(() => statusOf(delivery).parked === 1);
  const [parked] = await delivery.exceptions({ subscription: 'crm', states: ['parked'] });
  assert.deepEqual(parked?.error, { code: 'NO', message: 'no', answer });
});
