import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACK,
  DeliveryFixture,
  FAILED,
  recorder,
  sink,
  statusOf,
  subscription,
} from '../../test/support/delivery-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';
import type { SourceDelivery } from '../delivery/source-delivery.ts';
import type { Sink } from '../sink/sink.ts';
import { retentionLimits } from './retention.ts';
import { keepAside } from './trimming/keep-aside.ts';
import { LogTrimmer } from './trimming/log-trimmer.ts';

const SEGMENT = 2 ** 20;
const RECORDS = 30;
/** Everything but the newest segment is too much. */
const TINY = retentionLimits({ maxAge: null, maxBytes: 1, hard: false });
const HARD = { ...TINY, hard: true };

/** Records of 100 kB each, so that a segment holds about ten of them. */
async function fill(fixture: DeliveryFixture): Promise<DeliveryFixture['log']> {
  for (let index = 0; index < RECORDS; index++) {
    await fixture.write([{ key: String(index), value: 'x'.repeat(100_000) }]);
  }
  return fixture.log;
}

function trimmerOf({ log, state }: DeliveryFixture, delivery: SourceDelivery): LogTrimmer {
  return new LogTrimmer({ source: 'main', log, state, settle: () => delivery.settle() });
}

test('invariant 11: retention removes nothing that a subscription needs', ENDS, async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
  const done = recorder();
  const behind = recorder();
  await using delivery = fixture.deliver();
  delivery.register(subscription('done'), done);
  delivery.register(subscription('behind'), behind);
  await delivery.start();
  await until(() => done.changes.length === RECORDS && behind.changes.length === RECORDS);
  await delivery.pause('behind', 'test');
  await delivery.rewind('behind', 15);
  const trimmer = trimmerOf(fixture, delivery);
  const newest = (await log.segments()).at(-1)?.first ?? 0;
  assert.ok(newest > 15, 'there are segments after the one that is needed');

  const { floor, hold } = await trimmer.trim(TINY);
  assert.ok(floor > 0, 'what nobody needs is removed');
  assert.ok(floor <= 15, `offset 15 is needed, and the floor is ${floor}`);
  const [holder] = hold?.holders ?? [];
  assert.deepEqual([holder?.subscription, holder?.why, holder?.offset], ['behind', 'cursor', 15]);
  assert.ok(Math.abs(Date.parse(holder?.since ?? '') - Date.now()) < 60_000);
  assert.ok((hold?.bytes ?? 0) > SEGMENT);
  const old = retentionLimits({ maxAge: -1_000, maxBytes: null, hard: false });
  assert.equal((await trimmer.trim(old)).floor, floor, 'however old it is');

  await delivery.resume('behind');
  await until(() => behind.changes.length === RECORDS + 15);
  assert.deepEqual(
    behind.changes.slice(RECORDS).map(({ key }) => key?.['id']),
    Array.from({ length: 15 }, (_, index) => String(index + 15)),
  );
  assert.deepEqual(await fixture.state.losses('behind'), []);
  const after = await trimmer.trim(TINY);
  assert.deepEqual([after.floor, after.hold], [newest, null], 'needed no more, it is removed');
});

test('invariant 11: a hard limit removes it, and the subscription is told which offsets', async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  await fill(fixture);
  const told: [string, number, number][] = [];
  const behind = recorder();
  await using delivery = fixture.deliver({
    lost: (name, from, to) => void told.push([name, from, to]),
  });
  delivery.register(subscription('behind'), behind);
  await delivery.start();
  await until(() => behind.changes.length === RECORDS);
  await delivery.pause('behind', 'test');
  await delivery.rewind('behind', 5);

  const { floor } = await trimmerOf(fixture, delivery).trim(HARD);
  assert.ok(floor > 5);
  await delivery.resume('behind');
  await until(() => behind.changes.length === RECORDS + (RECORDS - floor));
  assert.deepEqual(told, [['behind', 5, floor]]);
  assert.equal(behind.changes[RECORDS]?.key?.['id'], String(floor), 'the rest is delivered');
  await until(async () => (await fixture.state.losses('behind')).length === 1);
  const [loss] = await fixture.state.losses('behind');
  assert.deepEqual([loss?.from, loss?.to], [5, floor]);
});

test('when what is known cannot be written down, nothing is removed', async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
  const failure = new Error('the state cannot be written');
  const settle = (): Promise<void> => Promise.reject(failure);
  const trimmer = new LogTrimmer({ source: 'main', log, state: fixture.state, settle });
  await assert.rejects(trimmer.trim(TINY), failure);
  assert.equal(log.floor, 0);
});

test('without limits the log is kept, and nothing is written for it', async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
  const settle = (): Promise<void> => assert.fail('asked');
  const trimmer = new LogTrimmer({ source: 'main', log, state: fixture.state, settle });
  const none = retentionLimits({ maxAge: null, maxBytes: null, hard: false });
  assert.equal((await trimmer.trim(none)).floor, 0);
});

/** What no delivery needs any more is not kept aside any longer. */
async function isForgotten(trimmer: LogTrimmer, delivery: SourceDelivery): Promise<void> {
  await until(async () => {
    await delivery.settle();
    return (await trimmer.trim(TINY)).kept.records === 0;
  });
}

/** Fails for some keys as long as it is not mended. */
class Moody {
  readonly taken: string[] = [];
  readonly #bad: ReadonlySet<string>;
  mended = false;

  constructor(bad: readonly number[]) {
    this.#bad = new Set(bad.map((key) => JSON.stringify(String(key))));
  }

  get sink(): Sink {
    return sink(async ({ change }) => {
      const key = JSON.stringify(change.key?.['id']);
      if (this.#bad.has(key) && !this.mended) return FAILED;
      this.taken.push(
        `${change.offset} ${change.id} ${JSON.stringify(change.after?.['value']).length - 2}`,
      );
      return ACK;
    });
  }
}

const PATIENT = {
  delivery: { maxAttempts: 1_000, retry: { first: 60_000, factor: 1, max: 60_000, jitter: 0 } },
};

test('records that wait for a retry are kept aside, and their segments go', ENDS, async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
  const { records } = await log.read({ from: 3, limit: 1 });
  const id = `main:${records[0]?.transaction.position}:0`;
  const moody = new Moody([3, 13]);
  {
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
    await delivery.start();
    // A later change of the row waits behind it.
    await fixture.write([{ key: '3', operation: 'update', value: 'later' }]);
    await until(() => statusOf(delivery).cursor === RECORDS + 1);
    assert.deepEqual([statusOf(delivery).retrying, statusOf(delivery).blocked], [2, 1]);
    const newest = (await log.segments()).at(-1)?.first ?? 0;
    const { floor, hold, kept } = await trimmerOf(fixture, delivery).trim(TINY);
    assert.deepEqual([floor, kept.records], [newest, 2]);
    const holders = hold?.holders.map(({ subscription: name, why }) => [name, why]);
    assert.deepEqual(holders, [['crm', 'kept']], 'a limit of a byte leaves them no room');
    await delivery.drain(AbortSignal.timeout(5_000));
  }
  await fixture.reopenState();
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
  await delivery.start();
  moody.mended = true;
  const before = moody.taken.length;
  await delivery.retry('crm', 3);
  await delivery.retry('crm', 13);
  await until(() => moody.taken.length === before + 3);
  const [first, ...others] = moody.taken.slice(before);
  assert.equal(first, `3 ${id} 100000`, 'the same id and all of it (invariant 7)');
  assert.ok(
    others.some((each) => each.startsWith('30 ')),
    'the row goes on behind it',
  );
  await isForgotten(trimmerOf(fixture, delivery), delivery);
});

test(
  'parked ones are kept aside too, replayed from there, and dropped when given up',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create(SEGMENT);
    await fill(fixture);
    const moody = new Moody([2, 3, 4]);
    await using delivery = fixture.deliver();
    const once = { delivery: { maxAttempts: 1 } };
    delivery.register(subscription('crm', undefined, once), moody.sink);
    const other = recorder();
    delivery.register(subscription('other'), other);
    await delivery.start();
    await until(() => statusOf(delivery, 'crm').parked === 3);
    await until(() => statusOf(delivery, 'other').cursor === RECORDS);
    const trimmer = trimmerOf(fixture, delivery);
    assert.equal((await trimmer.trim(TINY)).kept.records, 3);
    await delivery.discard('crm', 2, 'not wanted');
    assert.equal((await trimmer.trim(TINY)).kept.records, 2);
    moody.mended = true;
    await delivery.replay('crm', 3);
    await until(() => moody.taken.some((each) => each.startsWith('3 ')));
    // Also by a subscription that had it long ago, as long as it is there.
    await delivery.replay('other', 4);
    await until(() => other.changes.filter(({ offset }) => offset === 4).length === 2);
    await assert.rejects(delivery.replay('other', 5), { code: 'LOG_PRUNED' });
    await delivery.replayParked('crm');
    await until(() => moody.taken.some((each) => each.startsWith('4 ')));
    await isForgotten(trimmer, delivery);
  },
);

test(
  'a crash between keeping aside and removing loses nothing, and keeps nothing twice',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create(SEGMENT);
    const log = await fill(fixture);
    const moody = new Moody([3]);
    {
      await using delivery = fixture.deliver();
      delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
      await delivery.start();
      await until(() => statusOf(delivery).cursor === RECORDS);
      await delivery.settle();
      const parts = { source: 'main', log, state: fixture.state };
      assert.equal(await keepAside(parts, RECORDS, null), 1);
      assert.equal(await keepAside(parts, RECORDS, null), 0);
    }
    await fixture.reopenState();
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
    await delivery.start();
    const removed = log.trim.bind(log);
    log.trim = () => Promise.reject(new Error('the disk fails'));
    await assert.rejects(trimmerOf(fixture, delivery).trim(TINY), /the disk fails/);
    log.trim = removed;
    assert.equal((await trimmerOf(fixture, delivery).trim(TINY)).kept.records, 1);
    moody.mended = true;
    await delivery.retry('crm', 3);
    await until(() => moody.taken.some((each) => each.startsWith('3 ')));
  },
);

test('a rewind while records are kept aside keeps what it needs', ENDS, async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const { log, state } = fixture;
  await fill(fixture);
  const moody = new Moody([3]);
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
  const other = recorder();
  delivery.register(subscription('other'), other);
  await delivery.start();
  await until(() => statusOf(delivery, 'crm').cursor === RECORDS);
  await until(() => statusOf(delivery, 'other').cursor === RECORDS);
  let rounds = 0;
  const settle = async (): Promise<void> => {
    rounds += 1;
    if (rounds === 2) {
      await delivery.pause('other', 'test');
      await delivery.rewind('other', 5);
    }
    await delivery.settle();
  };
  const trimmer = new LogTrimmer({ source: 'main', log, state, settle });
  const { floor, hold } = await trimmer.trim(TINY);
  assert.ok(floor <= 5 && rounds >= 2, `the floor is ${floor}`);
  assert.equal(hold?.holders[0]?.subscription, 'other');
});

test('when most of a segment waits, it stays, and it is said for whom', ENDS, async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  await fill(fixture);
  await using delivery = fixture.deliver();
  const once = { delivery: { maxAttempts: 1 } };
  delivery.register(
    subscription('crm', undefined, once),
    sink(async () => FAILED),
  );
  await delivery.start();
  await until(() => statusOf(delivery).parked === RECORDS);
  const { floor, hold, kept } = await trimmerOf(fixture, delivery).trim(TINY);
  assert.deepEqual([floor, kept.records], [0, 0]);
  const [holder] = hold?.holders ?? [];
  assert.deepEqual([holder?.subscription, holder?.why, holder?.offset], ['crm', 'deliveries', 0]);
});

test(
  'a hard limit bounds what is kept aside, and tells each loss once, by offset',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create(SEGMENT);
    await fill(fixture);
    const moody = new Moody([3, 4, 5, 13]);
    const parked: number[] = [];
    await using delivery = fixture.deliver({ parked: (_name, offset) => void parked.push(offset) });
    delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
    await delivery.start();
    await until(() => statusOf(delivery).cursor === RECORDS);
    const trimmer = trimmerOf(fixture, delivery);
    // A quarter is for what is kept aside: room for two of the four.
    const limits = { ...HARD, maxBytes: 1_000_000 };
    const { lost, kept } = await trimmer.trim(limits);
    assert.deepEqual(lost, [{ subscription: 'crm', offsets: [3, 4] }]);
    assert.equal(kept.records, 2);
    assert.deepEqual((await trimmer.trim(limits)).lost, []);
    const losses = await fixture.state.losses('crm');
    assert.deepEqual(losses.map(({ from, to }) => [from, to]).toReversed(), [
      [3, 4],
      [4, 5],
    ]);
    moody.mended = true;
    for (const offset of [3, 4, 5, 13]) await delivery.retry('crm', offset);
    await until(() => parked.length === 2 && statusOf(delivery).retrying === 0);
    assert.deepEqual(
      parked.toSorted((a, b) => a - b),
      [3, 4],
    );
    assert.equal((await fixture.state.exception('crm', 3))?.error?.code, 'LOG_PRUNED');
  },
);

test('a hard age is one for what is kept aside as well', ENDS, async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  await fill(fixture);
  const moody = new Moody([3, 13]);
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm', undefined, PATIENT), moody.sink);
  await delivery.start();
  await until(() => statusOf(delivery).cursor === RECORDS);
  const trimmer = trimmerOf(fixture, delivery);
  assert.equal((await trimmer.trim(TINY)).kept.records, 2);
  const aged = retentionLimits({ maxAge: -60_000, maxBytes: null, hard: true });
  const { lost, kept } = await trimmer.trim(aged);
  assert.deepEqual(lost, [{ subscription: 'crm', offsets: [3, 13] }]);
  assert.equal(kept.records, 0);
});

test('an endpoint that fails for every fifth change does not make the log grow', ENDS, async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const { log, state } = fixture;
  await using delivery = fixture.deliver();
  delivery.register(
    subscription('crm', undefined, PATIENT),
    sink(async ({ change: { offset } }) => (offset % 5 === 0 ? FAILED : ACK)),
  );
  await delivery.start();
  const trimmer = trimmerOf(fixture, delivery);
  const limits = { ...TINY, maxBytes: 3 * SEGMENT };
  let largest = 0;
  for (let round = 0; round < 12; round++) {
    const value = 'x'.repeat(50_000);
    await fixture.write(Array.from({ length: 20 }, (_, at) => ({ key: `${round}-${at}`, value })));
    await until(() => statusOf(delivery).cursor === log.head);
    const { kept, hold } = await trimmer.trim(limits);
    const bytes = (await log.size()).bytes + kept.bytes;
    assert.equal(hold?.holders.length ?? 0, bytes > limits.maxBytes ? 1 : 0, `${bytes} bytes`);
    largest = Math.max(largest, bytes);
  }
  // 12 MB were written; a segment more than the limit is what a log may have that is being written.
  assert.ok(largest < limits.maxBytes + 3 * SEGMENT, `${largest} bytes`);
  assert.equal(statusOf(delivery).retrying, 48);
  assert.ok((await state.kept('main')).records > 20);
});
