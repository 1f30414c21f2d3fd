import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACK,
  DeliveryFixture,
  FAILED,
  range,
  recorder,
  rows,
  sink,
  statusOf,
  subscription,
  neededFrom,
} from '../../test/support/delivery-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { Attempt, Outcome } from '../sink/sink.ts';
import type { StoredSubscription } from '../state/state.ts';
import type { SourceDelivery } from './source-delivery.ts';

/** Drains with time for what is in flight. */
async function drained(delivery: SourceDelivery): Promise<void> {
  await delivery.drain(AbortSignal.timeout(5_000));
}

test(
  'everything is delivered once, the cursor is kept, and the next run goes on behind it',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const endpoint = recorder();
    {
      await using delivery = fixture.deliver();
      delivery.register(subscription('crm'), endpoint);
      await delivery.start();
      await fixture.write(rows(5_000));
      await until(() => endpoint.changes.length === 5_000);
      await until(() => statusOf(delivery, 'crm').lag === 0);
      assert.equal(statusOf(delivery, 'crm').delivered, 5_000);
      await drained(delivery);
    }
    assert.deepEqual(
      endpoint.changes.map(({ offset }) => offset),
      range(0, 5_000),
    );
    assert.equal((await fixture.state.subscription('crm'))?.cursor, 5_000);
    await fixture.reopenState();
    const later = recorder();
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), later);
    await delivery.start();
    await fixture.write(rows(3));
    await until(() => later.changes.length === 3);
    assert.deepEqual(
      later.changes.map(({ offset }) => offset),
      [5_000, 5_001, 5_002],
    );
  },
);

test('a new subscription begins at the head unless told otherwise', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await fixture.write(rows(10));
  await using delivery = fixture.deliver();
  const [head, floor, offset] = [recorder(), recorder(), recorder()];
  delivery.register({ name: 'head', filter: { tables: ['public.*'] } }, head);
  delivery.register(subscription('floor'), floor);
  delivery.register(subscription('offset', ['public.*'], { from: 7 }), offset);
  await delivery.start();
  await fixture.write(rows(1));
  await until(() => floor.changes.length === 11 && head.changes.length === 1);
  await until(() => offset.changes.length === 4);
  assert.equal(head.changes[0]?.offset, 10);
});

test('a cursor that only follows is written too', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await using delivery = fixture.deliver();
  delivery.register(subscription('other', ['public.other']), recorder());
  await delivery.start();
  await fixture.write(rows(100));
  await until(() => statusOf(delivery, 'other').cursor === 100);
  assert.equal(await neededFrom(delivery, fixture.state), 100);
  assert.equal((await fixture.state.subscription('other'))?.cursor, 100);
});

test('only what the filter wants is sent, with only its columns', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  const endpoint = recorder();
  await using delivery = fixture.deliver();
  delivery.register(
    {
      ...subscription('crm'),
      filter: {
        tables: ['public.accounts'],
        operations: ['insert'],
        columns: ['value'],
        where: 'after.value != "no"',
      },
    },
    endpoint,
  );
  await delivery.start();
  await fixture.write([
    { key: '1', value: 'yes' },
    { key: '2', value: 'no' },
    { key: '3', operation: 'delete' },
    { table: 'public.other', key: '4', value: 'yes' },
    { key: '5', value: 'yes' },
  ]);
  await until(() => endpoint.changes.length === 2);
  assert.deepEqual(
    endpoint.changes.map(({ offset, after, key }) => ({ offset, after, key })),
    [
      { offset: 0, after: { value: 'yes' }, key: { id: '1' } },
      { offset: 4, after: { value: 'yes' }, key: { id: '5' } },
    ],
  );
});

test(
  'a failing change holds up its own row only, is parked after its attempts, and the row goes on',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const log: string[] = [];
    const parked: number[] = [];
    await using delivery = fixture.deliver({ parked: (_name, offset) => parked.push(offset) });
    let others = 0;
    delivery.register(
      subscription('crm', ['public.*'], { delivery: { maxAttempts: 3 } }),
      sink(async ({ change, number }) => {
        if (change.key?.['id'] !== 'bad') others += 1;
        else log.push(`${change.offset}#${number}`);
        return change.offset === 0 ? FAILED : ACK;
      }),
    );
    await delivery.start();
    await fixture.write([{ key: 'bad' }, ...rows(500), { key: 'bad' }, { key: 'bad' }]);
    await until(() => others === 500);
    await until(() => log.length === 5);
    assert.deepEqual(log, ['0#1', '0#2', '0#3', '501#1', '502#1']);
    assert.deepEqual(parked, [0]);
    await until(() => statusOf(delivery, 'crm').cursor === 503);
    const { parked: count, retrying, blocked, lastError } = statusOf(delivery, 'crm');
    assert.deepEqual([count, retrying, blocked], [1, 0, 0]);
    assert.equal(lastError?.code, 'TEST');
    await drained(delivery);
    const [left] = await fixture.state.exceptions({ subscription: 'crm', states: ['parked'] });
    assert.equal(left?.attempts, 3);
    assert.deepEqual(left.error, { code: 'TEST', message: 'not now' });
  },
);

test(
  'a failing change lets the cursor go on; it and what waits for it outlast a restart, with their attempts',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const retry = { first: 60_000, factor: 1, max: 60_000, jitter: 0 };
    {
      await using delivery = fixture.deliver();
      const failing = sink(async ({ change }) => (change.key?.['id'] === 'bad' ? FAILED : ACK));
      delivery.register(subscription('crm', undefined, { delivery: { retry } }), failing);
      await delivery.start();
      await fixture.write([{ key: 'bad' }, ...rows(50), { key: 'bad' }, { key: 'bad' }]);
      await until(() => statusOf(delivery, 'crm').cursor === 53);
      const { retrying, blocked } = statusOf(delivery, 'crm');
      assert.deepEqual([retrying, blocked], [1, 2]);
      assert.equal(await neededFrom(delivery, fixture.state), 0);
      await drained(delivery);
    }
    await fixture.reopenState();
    const attempts: string[] = [];
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { retry } }),
      sink(async ({ change, number }) => {
        attempts.push(`${change.offset}#${number}`);
        return ACK;
      }),
    );
    await delivery.start();
    // New changes of the row wait behind the old ones, which wait for their time.
    await fixture.write([{ key: 'bad' }, { key: 'good' }]);
    await until(() => attempts.length === 1);
    assert.deepEqual(attempts, ['54#1']);
    await delivery.replay('crm', 0);
    await until(() => attempts.length === 5);
    assert.deepEqual(attempts, ['54#1', '0#2', '51#1', '52#1', '53#1']);
    await until(() => statusOf(delivery, 'crm').cursor === 55);
    assert.equal(await neededFrom(delivery, fixture.state), 55);
  },
);

test(
  'an endpoint that never returns holds its row only: aborted at the deadline, its place freed, visible',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const aborted: number[] = [];
    const taken: number[] = [];
    const held = new Map<number, () => void>();
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { maxConcurrency: 2, timeout: 30, grace: 30 } }),
      sink(({ change, number }, signal) => {
        const hangs = change.key?.['id'] === 'hang' && number === 1 && change.offset < 3;
        if (!hangs) {
          taken.push(change.offset);
          return Promise.resolve(ACK);
        }
        signal.addEventListener('abort', () => aborted.push(change.offset));
        return new Promise((resolve) => held.set(change.offset, () => resolve(ACK)));
      }),
    );
    await delivery.start();
    await fixture.write([
      { key: 'hang' },
      { table: 'public.b', key: 'hang' },
      { table: 'public.c', key: 'hang' },
      ...rows(100),
      { key: 'hang' },
    ]);
    await until(() => taken.length === 100);
    await until(() => statusOf(delivery, 'crm').inFlight === 0);
    assert.deepEqual(aborted, [0, 1, 2]);
    const { stuck, stuckSince, inFlight, blocked, cursor } = statusOf(delivery, 'crm');
    assert.ok(stuckSince !== null && Date.now() - stuckSince < 20_000);
    assert.deepEqual([stuck, inFlight, blocked], [3, 0, 1]);
    await until(() => statusOf(delivery, 'crm').cursor === 104);
    assert.ok(cursor <= 104);
    // What comes after the deadline is no acknowledgement: the change is attempted again.
    held.get(0)?.();
    await until(() => taken.includes(103));
    assert.deepEqual(
      taken.filter((offset) => offset === 0 || offset === 103),
      [0, 103],
    );
    assert.equal(statusOf(delivery, 'crm').stuck, 2);
    // A drain does not wait for calls that never return.
    await delivery.drain(new AbortController().signal);
  },
);

test('one endpoint that is slow, and one that always fails, delay no other', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  const healthy = recorder();
  await using delivery = fixture.deliver();
  delivery.register(
    subscription('slow', undefined, { delivery: { maxConcurrency: 1 } }),
    sink(() => new Promise(() => undefined)),
  );
  delivery.register(
    subscription('failing', undefined, { delivery: { maxExceptions: 100 } }),
    sink(async () => FAILED),
  );
  delivery.register(subscription('healthy'), healthy);
  await delivery.start();
  for (let round = 0; round < 50; round++) await fixture.write(rows(200, round * 200));
  await until(() => healthy.changes.length === 10_000);
  assert.deepEqual(
    healthy.changes.map(({ offset }) => offset),
    range(0, 10_000),
  );
  const slow = statusOf(delivery, 'slow');
  assert.equal(slow.inFlight, 1);
  assert.equal(slow.delivered, 0);
});

test(
  'with too many exceptions a subscription stops reading, says so, and goes on when there are fewer',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    let healthy = false;
    const taken = new Set<number>();
    let attempts = 0;
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { maxExceptions: 500, maxAttempts: 1e9 } }),
      sink(async ({ change }) => {
        attempts += 1;
        if (!healthy) return FAILED;
        taken.add(change.offset);
        return ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(20_000));
    await until(() => statusOf(delivery, 'crm').state === 'full');
    const before = attempts;
    await until(() => attempts > before + 1_000);
    const { retrying, reason } = statusOf(delivery, 'crm');
    assert.ok(retrying <= 500 + 2_000, `${retrying} exceptions are bounded`);
    assert.match(String(reason), /too many/);
    healthy = true;
    await until(() => taken.size === 20_000);
    await until(() => statusOf(delivery, 'crm').cursor === 20_000);
  },
);

test(
  'anything that is thrown, at once or later, error or not, is a failure that is tried again',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const thrown: unknown[] = [new Error('late'), 'text', undefined, Object.create(null), 7n];
    const seen: number[] = [];
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm'),
      sink(({ number }) => {
        seen.push(number);
        const what = thrown[number - 1];
        if (number > thrown.length) return Promise.resolve(ACK);
        // oxlint-disable-next-line typescript/only-throw-error, typescript/prefer-promise-reject-errors -- That is the point.
        if (number % 2 === 0) throw what;
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- That is the point.
        return Promise.reject(what);
      }),
    );
    await delivery.start();
    await fixture.write(rows(1));
    await until(() => statusOf(delivery, 'crm').delivered === 1);
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6]);
  },
);

test(
  'a receiver that asks for time gets it, and one that rejects is not asked again',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const times: number[] = [];
    await using delivery = fixture.deliver();
    const outcomes: Outcome[] = [
      { kind: 'retry', error: { code: 'BUSY', message: 'later' }, after: 80 },
      { kind: 'reject', error: { code: 'GONE', message: 'never' } },
    ];
    delivery.register(
      subscription('crm'),
      sink(async () => {
        times.push(performance.now());
        return outcomes[times.length - 1] ?? ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(1));
    await until(() => statusOf(delivery, 'crm').parked === 1);
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 79);
    assert.equal(statusOf(delivery, 'crm').lastError?.code, 'GONE');
  },
);

test(
  'paused it stands still, also over a restart; resumed it goes on without a gap',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const endpoint = recorder();
    {
      await using delivery = fixture.deliver();
      delivery.register(subscription('crm'), endpoint);
      await delivery.start();
      await fixture.write(rows(10));
      await until(() => endpoint.changes.length === 10);
      await delivery.pause('crm', 'the receiver moves');
      await fixture.write(rows(10));
      assert.equal(statusOf(delivery, 'crm').state, 'paused');
      assert.equal(statusOf(delivery, 'crm').reason, 'the receiver moves');
      await drained(delivery);
    }
    assert.equal(endpoint.changes.length, 10);
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), endpoint);
    await delivery.start();
    assert.equal(statusOf(delivery, 'crm').state, 'paused');
    await delivery.resume('crm');
    await until(() => endpoint.changes.length === 20);
    assert.deepEqual(
      endpoint.changes.map(({ offset }) => offset),
      range(0, 20),
    );
  },
);

test(
  'a rewind delivers everything from there again, in order and with the same ids',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const seen: { offset: number; id: string }[] = [];
    let failing = true;
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { maxAttempts: 1 } }),
      sink(async ({ change: { offset, id } }) => {
        if (failing && (offset === 3 || offset === 7)) return FAILED;
        seen.push({ offset, id });
        return ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(10));
    await until(() => statusOf(delivery, 'crm').parked === 2);
    failing = false;
    const before = new Map(seen.map(({ offset, id }) => [offset, id]));
    seen.length = 0;
    await delivery.rewind('crm', 5);
    await until(() => seen.length === 5);
    assert.deepEqual(
      seen.map(({ offset }) => offset),
      range(5, 10),
    );
    for (const { offset, id } of seen) assert.ok((before.get(offset) ?? id) === id);
    // The parked one behind the place was read again; the one before it still waits for somebody.
    await until(() => statusOf(delivery, 'crm').cursor === 10);
    assert.equal(statusOf(delivery, 'crm').parked, 1);
    await delivery.rewind('crm', 'floor');
    await until(() => seen.length === 15);
    assert.equal(statusOf(delivery, 'crm').parked, 0);
    await delivery.rewind('crm', new Date(0));
    await until(() => seen.length === 25);
    await delivery.rewind('crm', 'head');
    await fixture.write(rows(1));
    await until(() => seen.length === 26);
    assert.equal(seen.at(-1)?.offset, 10);
    await assert.rejects(delivery.rewind('crm', 12), (error) =>
      isTidingsError(error, 'OFFSET_UNKNOWN'),
    );
    await assert.rejects(delivery.rewind('nobody', 0), (error) =>
      isTidingsError(error, 'SUBSCRIPTION_UNKNOWN'),
    );
  },
);

test(
  'a rewind does not overtake a call that never returned: its row stays held',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const started: string[] = [];
    let release: () => void = () => undefined;
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { timeout: 20, grace: 20 } }),
      sink(({ change, number }) => {
        started.push(`${JSON.stringify(change.key)}#${change.offset}`);
        if (started.length > 1 || number > 1) return Promise.resolve(ACK);
        return new Promise((resolve) => (release = () => resolve(ACK)));
      }),
    );
    await delivery.start();
    await fixture.write([{ key: 'a' }, { key: 'b' }, { key: 'a' }]);
    await until(() => statusOf(delivery, 'crm').stuck === 1 && started.length === 2);
    await delivery.rewind('crm', 0);
    await until(() => started.length === 3);
    assert.deepEqual(started, ['{"id":"a"}#0', '{"id":"b"}#1', '{"id":"b"}#1']);
    release();
    await until(() => started.length === 5);
    assert.deepEqual(started.slice(3), ['{"id":"a"}#0', '{"id":"a"}#2']);
  },
);

test(
  'parked deliveries by the thousand: listed in pages, replayed and discarded one by one',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    let failing = true;
    const taken: Attempt[] = [];
    const discarded: string[] = [];
    await using delivery = fixture.deliver({
      discarded: (name, offset, reason) => discarded.push(`${name} ${offset} ${reason}`),
    });
    delivery.register(
      subscription('crm', undefined, { delivery: { maxAttempts: 1 } }),
      sink(async (attempt) => {
        if (failing) return FAILED;
        taken.push(attempt);
        return ACK;
      }),
    );
    await delivery.start();
    await fixture.write(rows(4_000));
    await until(() => statusOf(delivery, 'crm').cursor === 4_000);
    assert.equal(statusOf(delivery, 'crm').parked, 4_000);
    await until(async () => (await fixture.state.countExceptions('crm')).parked === 4_000);
    const offsets: number[] = [];
    for (let after = -1; offsets.length < 4_000; after = offsets.at(-1) ?? 0) {
      const page = await delivery.exceptions({
        subscription: 'crm',
        states: ['parked'],
        after,
        limit: 500,
      });
      assert.equal(page.length, 500);
      offsets.push(...page.map(({ offset }) => offset));
    }
    assert.deepEqual(offsets, range(0, 4_000));

    failing = false;
    await delivery.replay('crm', 123);
    await delivery.discard('crm', 124, 'was a test');
    await until(() => taken.length === 1);
    assert.equal(taken[0]?.change.offset, 123);
    assert.equal(taken[0]?.number, 1);
    await until(() => statusOf(delivery, 'crm').parked === 3_998);
    assert.deepEqual(discarded, ['crm 124 was a test']);
    const given = await fixture.state.exception('crm', 124);
    assert.deepEqual([given?.state, given?.discarded?.reason], ['discarded', 'was a test']);
    for (const offset of [123, 124]) {
      await assert.rejects(delivery.retry('crm', offset), (error) =>
        isTidingsError(error, 'EXCEPTION_UNKNOWN'),
      );
    }
    assert.equal(await neededFrom(delivery, fixture.state), 0);
    // A replay is never swallowed: not of what is done, nor of what was given up.
    await delivery.replay('crm', 123);
    await delivery.replay('crm', 124);
    await until(() => taken.length === 3);
    assert.deepEqual(
      taken.map(({ change }) => change.offset),
      [123, 123, 124],
    );
    await until(async () => (await fixture.state.exception('crm', 124)) === null);
  },
);

test(
  'a discarded change frees its row in order; one in flight or behind another is refused',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const taken: number[] = [];
    let release: () => void = () => undefined;
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm'),
      sink(({ change: { offset } }) => {
        taken.push(offset);
        if (offset > 0) return Promise.resolve(ACK);
        return new Promise((resolve) => (release = () => resolve(ACK)));
      }),
    );
    await delivery.start();
    await fixture.write([{ key: 'a' }, { key: 'a' }, { key: 'a' }]);
    await until(() => statusOf(delivery, 'crm').blocked === 2);
    await assert.rejects(delivery.discard('crm', 0, ''), (error) =>
      isTidingsError(error, 'DELIVERY_IN_FLIGHT'),
    );
    await assert.rejects(delivery.replay('crm', 1), (error) =>
      isTidingsError(error, 'DELIVERY_BLOCKED'),
    );
    await delivery.discard('crm', 1, 'not wanted');
    assert.deepEqual(taken, [0], 'the next one still waits for the first');
    release();
    await until(() => taken.length === 2);
    assert.deepEqual(taken, [0, 2]);
    await until(() => statusOf(delivery, 'crm').cursor === 3);
  },
);

test(
  'a filter without an answer stops its subscription, says why, and resumes when asked',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const [faulty, healthy] = [recorder(), recorder()];
    const failures: unknown[] = [];
    await using delivery = fixture.deliver({ failure: (_name, error) => failures.push(error) });
    delivery.register(
      {
        ...subscription('faulty'),
        filter: { tables: ['public.*'], where: 'int(after.value) > 0' },
      },
      faulty,
    );
    delivery.register(subscription('healthy'), healthy);
    await delivery.start();
    await fixture.write([
      { key: '1', value: '5' },
      { key: '2', value: 'no number' },
      { key: '3', value: '7' },
    ]);
    await until(() => healthy.changes.length === 3 && faulty.changes.length === 1);
    await until(() => statusOf(delivery, 'faulty').state === 'paused');
    assert.equal(statusOf(delivery, 'faulty').cursor, 1);
    assert.equal(statusOf(delivery, 'faulty').lastError?.code, 'FILTER_FAILED');
    assert.ok(isTidingsError(failures[0], 'FILTER_FAILED'));
    await delivery.resume('faulty');
    await until(() => failures.length === 2);
  },
);

test(
  'one that cannot be remembered keeps no other from beginning, known or new',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const stored = (name: string): StoredSubscription => ({
      name,
      source: 'main',
      cursor: 0,
      paused: null,
      createdAt: 0,
      definition: null,
      restsUntil: null,
    });
    await fixture.state.addSubscriptions([stored('taken'), stored('known')]);
    // Another source makes one of that name between the look and the writing.
    const look = fixture.state.subscription.bind(fixture.state);
    fixture.state.subscription = async (name) => (name === 'taken' ? null : await look(name));
    await using delivery = fixture.deliver();
    const sinks = { one: recorder(), taken: recorder(), known: recorder(), other: recorder() };
    for (const [name, sink] of Object.entries(sinks)) delivery.register(subscription(name), sink);
    await delivery.start();
    await fixture.write([{ key: '1' }]);
    for (const name of ['one', 'known', 'other'] as const) {
      await until(() => sinks[name].changes.length === 1, 5_000, name);
    }
    assert.equal(statusOf(delivery, 'taken').state, 'stopped');
    assert.equal(statusOf(delivery, 'taken').lastError?.code, 'STATE_FAILED');
    assert.equal(sinks.taken.changes.length, 0);
  },
);

test('a subscription that cannot begin takes nothing else down, and says why', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await fixture.state.addSubscriptions([
    {
      name: 'moved',
      source: 'elsewhere',
      cursor: 3,
      paused: null,
      createdAt: 0,
      definition: null,
      restsUntil: null,
    },
  ]);
  await using delivery = fixture.deliver();
  const healthy = recorder();
  delivery.register(subscription('moved'), recorder());
  delivery.register(subscription('ahead', undefined, { from: 99 }), recorder());
  delivery.register(subscription('healthy'), healthy);
  assert.throws(
    () => delivery.register(subscription('healthy'), recorder()),
    (error) => isTidingsError(error, 'SUBSCRIPTION_EXISTS'),
  );
  await delivery.start();
  await fixture.write(rows(3));
  await until(() => healthy.changes.length === 3);
  assert.equal(statusOf(delivery, 'moved').state, 'stopped');
  assert.match(String(statusOf(delivery, 'moved').reason), /elsewhere/);
  assert.equal(statusOf(delivery, 'ahead').lastError?.code, 'OFFSET_UNKNOWN');
  await assert.rejects(delivery.pause('moved', ''), (error) =>
    isTidingsError(error, 'SUBSCRIPTION_MOVED'),
  );
  // Registered while it runs, it begins at once.
  const late = recorder();
  delivery.register(subscription('late'), late);
  await until(() => late.changes.length === 3);
});

test('options that would make it stand still without a word are refused', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await using delivery = fixture.deliver();
  for (const wrong of [
    { maxConcurrency: 0 },
    { maxConcurrency: Number.NaN },
    { maxAttempts: 1.5 },
    { timeout: -1 },
    { maxExceptions: 0 },
  ]) {
    assert.throws(
      () => delivery.register(subscription('crm', undefined, { delivery: wrong }), recorder()),
      (error) => isTidingsError(error, 'CONFIG_INVALID'),
      JSON.stringify(wrong),
    );
  }
  delivery.register(subscription('crm'), recorder());
  await assert.rejects(delivery.pause('crm', ''), (error) =>
    isTidingsError(error, 'SUBSCRIPTION_STOPPED'),
  );
});

test(
  'without its exceptions in memory it delivers nothing, until somebody resumes it',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const { state } = fixture;
    let broken = false;
    fixture.state = new Proxy(state, {
      get(target, name) {
        if (name === 'exceptions' && broken) return () => Promise.reject(new Error('disk'));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const taken: number[] = [];
    let failing = true;
    const retry = { first: 60_000, factor: 1, max: 60_000, jitter: 0 };
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('crm', undefined, { delivery: { retry } }),
      sink(async ({ change: { offset } }) => {
        if (failing && offset === 0) return FAILED;
        taken.push(offset);
        return ACK;
      }),
    );
    await delivery.start();
    await fixture.write([{ key: 'a' }, { key: 'b' }, { key: 'a' }]);
    await until(() => statusOf(delivery, 'crm').cursor === 3);
    broken = true;
    await assert.rejects(delivery.rewind('crm', 1), /disk/);
    assert.equal(statusOf(delivery, 'crm').state, 'paused');
    assert.equal(statusOf(delivery, 'crm').reason, 'disk');
    await assert.rejects(delivery.resume('crm'), /disk/);
    await fixture.write([{ key: 'c' }]);
    broken = false;
    taken.length = 0;
    await delivery.resume('crm');
    await until(() => taken.length === 2);
    assert.deepEqual(taken, [1, 3], 'the change of the failing row waits for it');
    failing = false;
    await delivery.replay('crm', 0);
    await until(() => taken.length === 4);
    assert.deepEqual(taken, [1, 3, 0, 2]);
    fixture.state = state;
  },
);

test(
  'records that a hard retention limit removed are reported, and the rest is delivered',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create(4_096);
    const losses: number[][] = [];
    const retry = { first: 60_000, factor: 1, max: 60_000, jitter: 0 };
    {
      await using delivery = fixture.deliver();
      const failing = sink(async ({ change }) => (change.offset === 2 ? FAILED : ACK));
      delivery.register(subscription('crm', undefined, { delivery: { retry } }), failing);
      await delivery.start();
      await fixture.write(rows(5));
      await until(() => statusOf(delivery, 'crm').cursor === 5);
      await drained(delivery);
    }
    for (let round = 0; round < 40; round++) await fixture.append(rows(50, round * 50));
    const floor = await fixture.log.trim(fixture.log.head - 100);
    fixture.horizon.advance(fixture.log.head);
    const endpoint = recorder();
    await using delivery = fixture.deliver({ lost: (_name, from, to) => losses.push([from, to]) });
    delivery.register(subscription('crm', undefined, { delivery: { retry } }), endpoint);
    await delivery.start();
    await until(() => endpoint.changes.length === 2_005 - floor);
    assert.deepEqual(losses, [[5, floor]]);
    assert.equal(statusOf(delivery, 'crm').lastError?.code, 'RECORDS_LOST');
    await until(async () => (await fixture.state.losses('crm')).length === 1);
    // The exception whose record is gone cannot be attempted; it is parked, with the reason.
    await delivery.replay('crm', 2);
    await until(() => statusOf(delivery, 'crm').parked === 1);
    await drained(delivery);
    assert.equal((await fixture.state.exception('crm', 2))?.error?.code, 'LOG_PRUNED');
  },
);

test(
  'while the state cannot be written nothing more is taken; then it goes on by itself',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const endpoint = recorder();
    const failures: unknown[] = [];
    let broken = false;
    const { state } = fixture;
    fixture.state = new Proxy(state, {
      get(target, name) {
        if (name === 'checkpoint' && broken) return () => Promise.reject(new Error('disk full'));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await using delivery = fixture.deliver({ failure: (_name, error) => failures.push(error) });
    delivery.register(subscription('crm'), endpoint);
    delivery.register(
      subscription('rejecting'),
      sink(async () => ({ kind: 'reject', error: { code: 'NO', message: 'never' } })),
    );
    await delivery.start();
    await fixture.write(rows(10));
    await until(() => endpoint.changes.length === 10);
    broken = true;
    await fixture.write(rows(10));
    await until(() => failures.length > 0);
    const taken = endpoint.changes.length;
    for (let round = 0; round < 5; round++) await fixture.write(rows(10));
    await assert.rejects(delivery.settle(), /disk full/);
    assert.equal(endpoint.changes.length, taken);
    broken = false;
    await until(() => endpoint.changes.length === 70);
    await until(async () => (await state.subscription('crm'))?.cursor === 70);
    assert.deepEqual(
      endpoint.changes.map(({ offset }) => offset),
      range(0, 70),
    );
    // What was parked while nothing could be written is written now.
    await until(async () => (await state.countExceptions('rejecting')).parked === 70);
    assert.equal(statusOf(delivery, 'rejecting').parked, 70);
    fixture.state = state;
  },
);

test(
  'draining lets what is in flight finish, starts nothing new, and ends every other wait',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const started: number[] = [];
    const finished: number[] = [];
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await using delivery = fixture.deliver();
    delivery.register(
      subscription('busy', undefined, { delivery: { maxConcurrency: 2 } }),
      sink(async ({ change }) => {
        started.push(change.offset);
        await released;
        finished.push(change.offset);
        return ACK;
      }),
    );
    delivery.register(
      subscription('failing', undefined, {
        delivery: { retry: { first: 1e6, factor: 1, max: 1e6, jitter: 0 }, maxExceptions: 10 },
      }),
      sink(async () => FAILED),
    );
    delivery.register(subscription('idle', ['public.none']), recorder());
    await delivery.start();
    await fixture.write(rows(5_000));
    await until(() => started.length === 2);
    const draining = delivery.drain(new AbortController().signal);
    await until(() => statusOf(delivery, 'busy').state === 'draining');
    release();
    await draining;
    assert.deepEqual(finished, [0, 1]);
    assert.deepEqual(started, [0, 1]);
    assert.equal((await fixture.state.subscription('busy'))?.cursor, 2);
  },
);

test(
  'a drain whose time is up cuts calls short; they are made again, and cost no attempt',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const reasons: unknown[] = [];
    {
      await using delivery = fixture.deliver();
      delivery.register(
        subscription('crm'),
        sink(({ change }, signal) => {
          if (change.key?.['id'] === 'quick') return Promise.resolve(ACK);
          signal.addEventListener('abort', () => reasons.push((signal.reason as Error).name));
          return new Promise(() => undefined);
        }),
      );
      await delivery.start();
      await fixture.write([...rows(3), { key: 'quick' }]);
      await until(() => statusOf(delivery, 'crm').inFlight === 3);
      // They take long enough to become exceptions while they are under way.
      await until(() => statusOf(delivery, 'crm').cursor === 4);
      await delivery.drain(AbortSignal.abort());
    }
    assert.deepEqual(reasons, ['AbortError', 'AbortError', 'AbortError']);
    await using delivery = fixture.deliver();
    const numbers: number[] = [];
    delivery.register(
      subscription('crm'),
      sink(async ({ number }) => {
        numbers.push(number);
        return ACK;
      }),
    );
    await delivery.start();
    await until(() => numbers.length === 3);
    assert.deepEqual(numbers, [1, 1, 1]);
  },
);
