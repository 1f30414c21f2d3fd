/** `log.retention.maxBytes` bounds segments and what is kept aside: when it is not held, that is said. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
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
import type { LogConfig } from '../config/define-config.ts';
import type { SourceDelivery } from '../delivery/source-delivery.ts';
import { type Logger, SILENT } from '../observe/logger.ts';
import { checkRetention } from './inspection/check-retention.ts';
import { keepRetention, retentionLimits } from './retention.ts';
import { LogTrimmer } from './trimming/log-trimmer.ts';

const RECORDS = 30;
const LIMIT: LogConfig['retention'] = { maxAge: null, maxBytes: 300_000, hard: false };
const ONCE = { delivery: { maxAttempts: 1 } };

/** Every third change is parked; records of 100 kB, about ten in a segment. */
async function parkedThirds(fixture: DeliveryFixture): Promise<SourceDelivery> {
  const delivery = fixture.deliver();
  delivery.register(
    subscription('crm', undefined, ONCE),
    sink(async ({ change: { offset } }) => (offset % 3 === 0 ? FAILED : ACK)),
  );
  await delivery.start();
  for (let index = 0; index < RECORDS; index++) {
    await fixture.write([{ key: String(index), value: 'x'.repeat(100_000) }]);
  }
  await until(() => statusOf(delivery, 'crm').cursor === RECORDS);
  await until(() => statusOf(delivery, 'crm').parked === RECORDS / 3);
  return delivery;
}

function trimmerOf({ log, state }: DeliveryFixture, delivery: SourceDelivery): LogTrimmer {
  return new LogTrimmer({ source: 'main', log, state, settle: () => delivery.settle() });
}

suite('what is kept aside beyond the limit of a log', { concurrency: true }, () => {
  test(
    'is said by the hold, by doctor and once in the log, until it is given up',
    ENDS,
    async () => {
      await using fixture = await DeliveryFixture.create(2 ** 20);
      await using delivery = await parkedThirds(fixture);
      const trimmer = trimmerOf(fixture, delivery);
      const { hold, kept } = await trimmer.trim(retentionLimits(LIMIT));
      assert.ok(kept.records >= 6 && kept.bytes > 600_000, JSON.stringify(kept));
      const [holder, ...others] = hold?.holders ?? [];
      assert.deepEqual(others, []);
      assert.deepEqual(
        [holder?.subscription, holder?.why, holder?.offset, holder?.kept],
        ['crm', 'kept', 0, kept],
      );
      assert.ok(
        Math.abs(Date.parse(holder?.since ?? '') - Date.now()) < 60_000,
        holder?.since ?? '',
      );
      assert.equal(
        trimmer.hold?.bytes,
        kept.bytes,
        'the newest segment alone is as large as it may',
      );

      const subject = { source: 'main', log: fixture.log, state: fixture.state };
      const { status, message, fix } = await checkRetention(subject, LIMIT);
      assert.equal(status, 'warning');
      const counted = `has ${kept.records} records \\(0\\.[67] MB\\) kept aside`;
      assert.match(message, new RegExp(`beyond its limits: subscription crm ${counted}`));
      assert.equal(fix, 'tidings deliveries crm');

      const lines = await linesOf(trimmer);
      assert.deepEqual(
        lines.map(([text]) => text),
        ['The log is kept beyond its limits, because subscriptions need it'],
      );
      assert.deepEqual(lines[0]?.[1]?.['holders'], hold?.holders);

      for (let offset = 0; offset < RECORDS; offset += 3) {
        await delivery.discard('crm', offset, 'test');
      }
      await delivery.settle();
      const after = await trimmer.trim(retentionLimits(LIMIT));
      assert.deepEqual([after.kept.records, after.hold], [0, null]);
      const content = await checkRetention(subject, LIMIT);
      assert.equal(content.status, 'ok');
    },
  );

  test(
    'goes with others who hold the log; within the limit, and with a hard one, nobody does',
    ENDS,
    async () => {
      await using fixture = await DeliveryFixture.create(2 ** 20);
      await using delivery = await parkedThirds(fixture);
      const other = recorder();
      delivery.register(subscription('other'), other);
      await until(() => statusOf(delivery, 'other').cursor === RECORDS);
      const trimmer = trimmerOf(fixture, delivery);
      const total = (await fixture.log.segments()).reduce((sum, { bytes }) => sum + bytes, 0);
      // One segment too many; of that some records are kept aside.
      const roomy = { ...LIMIT, maxBytes: total - 1 };
      assert.equal((await trimmer.trim(retentionLimits(roomy))).hold, null);
      const { floor } = fixture.log;
      assert.ok(floor > 0 && floor < 25, `the floor is ${floor}`);

      await delivery.pause('other', 'test');
      await delivery.rewind('other', floor);
      const { hold, kept } = await trimmer.trim(retentionLimits({ ...LIMIT, maxBytes: 1 }));
      assert.deepEqual(
        hold?.holders.map(({ subscription: name, why, offset, kept: aside }) => [
          name,
          why,
          offset,
          aside,
        ]),
        [
          ['crm', 'kept', 0, kept],
          ['other', 'cursor', floor, null],
        ],
      );
      const older = (await fixture.log.segments()).slice(0, -1);
      const held = older.reduce((sum, { bytes }) => sum + bytes, 0);
      assert.equal(hold?.bytes, held + kept.bytes);
      const forced = await trimmer.trim(retentionLimits({ ...LIMIT, hard: true }));
      assert.equal(forced.hold, null);
    },
  );

  test('counts for each of those who need it, and once', ENDS, async () => {
    await using fixture = await DeliveryFixture.create(2 ** 20);
    await using delivery = await parkedThirds(fixture);
    delivery.register(
      subscription('shop', undefined, ONCE),
      sink(async ({ change: { offset } }) => (offset === 6 ? FAILED : ACK)),
    );
    await until(() => statusOf(delivery, 'shop').parked === 1);
    await until(() => statusOf(delivery, 'shop').cursor === RECORDS);
    const { hold, kept } = await trimmerOf(fixture, delivery).trim(retentionLimits(LIMIT));
    const found = hold?.holders.map(({ subscription: name, offset, kept: aside }) => [
      name,
      offset,
      aside?.records,
    ]);
    assert.deepEqual(found, [
      ['crm', 0, kept.records],
      ['shop', 6, 1],
    ]);
    assert.equal(hold?.bytes, kept.bytes);
  });
});

type Line = Parameters<Logger['warn']>;

/** What two rounds of retention say. */
async function linesOf(trimmer: LogTrimmer): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const logger: Logger = { ...SILENT, warn: (...line) => void lines.push(line) };
  const ended = new AbortController();
  let rounds = 0;
  const trim = trimmer.trim.bind(trimmer);
  trimmer.trim = async (limits) => {
    rounds += 1;
    if (rounds === 2) ended.abort();
    return await trim(limits);
  };
  const options = { trimmer, retention: LIMIT, logger, signal: ended.signal, pause: 1 };
  await keepRetention(options);
  trimmer.trim = trim;
  return lines;
}
