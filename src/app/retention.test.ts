import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeliveryFixture, recorder, subscription } from '../../test/delivery-fixture.ts';
import { until } from '../../test/until.ts';
import { applyRetention, type RetentionOptions } from './retention.ts';

const SEGMENT = 2 ** 20;
const RECORDS = 30;
/** Everything but the newest segment is too much. */
const TINY = { maxAge: null, maxBytes: 1, hard: false };

/** Records of 100 kB each, so that a segment holds about ten of them. */
async function fill(fixture: DeliveryFixture): Promise<DeliveryFixture['log']> {
  for (let index = 0; index < RECORDS; index++) {
    await fixture.write([{ key: String(index), value: 'x'.repeat(100_000) }]);
  }
  return fixture.log;
}

test('invariant 11: retention removes nothing that a subscription needs', async () => {
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
  const options: RetentionOptions = {
    log,
    retention: TINY,
    neededFrom: () => delivery.neededFrom(),
  };
  const newest = (await log.segments()).at(-1)?.first ?? 0;
  assert.ok(newest > 15, 'there are segments after the one that is needed');

  const floor = await applyRetention(options);
  assert.ok(floor > 0, 'what nobody needs is removed');
  assert.ok(floor <= 15, `offset 15 is needed, and the floor is ${floor}`);
  const old = { ...options, retention: { maxAge: -1_000, maxBytes: null, hard: false } };
  assert.equal(await applyRetention(old), floor, 'however old it is');

  await delivery.resume('behind');
  await until(() => behind.changes.length === RECORDS + 15);
  assert.deepEqual(
    behind.changes.slice(RECORDS).map(({ key }) => key?.['id']),
    Array.from({ length: 15 }, (_, index) => String(index + 15)),
  );
  assert.deepEqual(await fixture.state.losses('behind'), []);
  assert.equal(await applyRetention(options), newest, 'needed no more, it is removed');
});

test('invariant 11: a hard limit removes it, and the subscription is told which offsets', async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
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

  const floor = await applyRetention({
    log,
    retention: { ...TINY, hard: true },
    neededFrom: () => delivery.neededFrom(),
  });
  assert.ok(floor > 5);
  await delivery.resume('behind');
  await until(() => behind.changes.length === RECORDS + (RECORDS - floor));
  assert.deepEqual(told, [['behind', 5, floor]]);
  assert.equal(behind.changes[RECORDS]?.key?.['id'], String(floor), 'the rest is delivered');
  await until(async () => (await fixture.state.losses('behind')).length === 1);
  const [loss] = await fixture.state.losses('behind');
  assert.deepEqual([loss?.from, loss?.to], [5, floor]);
});

test('when what is needed cannot be found out, nothing is removed', async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
  const failure = new Error('the state cannot be read');
  const neededFrom = (): Promise<number | null> => Promise.reject(failure);
  await assert.rejects(applyRetention({ log, retention: TINY, neededFrom }), failure);
  assert.equal(log.floor, 0);
});

test('without limits the log is kept, and nobody is asked what is needed', async () => {
  await using fixture = await DeliveryFixture.create(SEGMENT);
  const log = await fill(fixture);
  const retention = { maxAge: null, maxBytes: null, hard: false };
  const neededFrom = (): Promise<number | null> => assert.fail('asked');
  assert.equal(await applyRetention({ log, retention, neededFrom }), 0);
});
