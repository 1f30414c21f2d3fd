import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeliveryFixture, type LogEntry } from '../../test/support/delivery-fixture.ts';
import { until } from '../../test/support/until.ts';
import { type ChangeView, createChangeDecoder } from '../change/decode.ts';
import type { LogReader, LogRecord } from '../log/log.ts';
import { POSTGRES_DIALECT } from '../source/postgres/values/dialect.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Subscriber } from './subscriber.ts';
import { SubscriptionReader } from './subscription-reader.ts';
import { nextTurn } from './turns.ts';

/** Takes what it is offered; counts what it is asked. Room is what the test says. */
class CountingSubscriber implements Subscriber {
  readonly name = 'counting';
  readonly offsets: number[] = [];
  readonly losses: [number, number][] = [];
  asked = 0;
  matched = 0;
  faults = 0;
  troubles = 0;
  /** How many it takes before it says that there is no room. */
  space = Infinity;
  readonly #table: string | null;
  readonly #accepts: (view: ChangeView) => boolean;
  #waiting: (() => void) | null = null;

  constructor(table: string | null = null, accepts: (view: ChangeView) => boolean = () => true) {
    this.#table = table;
    this.#accepts = accepts;
  }

  wantsTable(table: { readonly name: string }): boolean {
    this.asked += 1;
    return this.#table === null || table.name === this.#table;
  }

  matches(view: ChangeView): boolean {
    this.matched += 1;
    return this.#accepts(view);
  }

  offer(record: LogRecord): boolean {
    if (this.space === 0) return false;
    this.space -= 1;
    this.offsets.push(record.offset);
    return true;
  }

  async room(signal: AbortSignal): Promise<boolean> {
    if (this.space > 0 || signal.aborted) return false;
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    return false;
  }

  give(space: number): void {
    this.space += space;
    this.#waiting?.();
    this.#waiting = null;
  }

  lost(from: number, to: number): void {
    this.losses.push([from, to]);
  }

  faulted(): void {
    this.faults += 1;
  }

  troubled(): void {
    this.troubles += 1;
  }
}

interface Running extends AsyncDisposable {
  readonly fixture: DeliveryFixture;
  readonly dispatcher: Dispatcher;
  readonly reads: () => number;
  subscribe(subscriber: Subscriber, from?: number): SubscriptionReader;
}

async function running(
  wrap: (log: LogReader) => LogReader = (log) => log,
  segmentBytes?: number,
): Promise<Running> {
  const fixture = await DeliveryFixture.create(segmentBytes);
  let reads = 0;
  const log = wrap(
    new Proxy(fixture.log, {
      get(target, name) {
        if (name === 'read') reads += 1;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  );
  const dispatcher = new Dispatcher({
    log,
    horizon: fixture.horizon,
    decoder: createChangeDecoder('main', [POSTGRES_DIALECT]),
    onFailure: () => undefined,
  });
  const stop = new AbortController();
  const run = dispatcher.run(stop.signal);
  const readers: SubscriptionReader[] = [];
  return {
    fixture,
    dispatcher,
    reads: () => reads,
    subscribe(subscriber, from = 0) {
      const reader = new SubscriptionReader(subscriber, dispatcher, from);
      readers.push(reader);
      reader.start();
      return reader;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await run;
      await Promise.all(readers.map((reader) => reader.stop()));
      await fixture[Symbol.asyncDispose]();
    },
  };
}

function rows(count: number, table = 'public.accounts'): LogEntry[] {
  return Array.from({ length: count }, (_, key) => ({ table, key: String(key) }));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

test('nothing beyond the horizon is offered', async () => {
  await using at = await running();
  const subscriber = new CountingSubscriber();
  const reader = at.subscribe(subscriber);
  await at.fixture.append(rows(10));
  await until(() => reader.state === 'live');
  assert.deepEqual(subscriber.offsets, []);
  at.fixture.horizon.advance(4);
  await until(() => reader.position === 4);
  assert.deepEqual(subscriber.offsets, range(0, 4));
  // One that is behind reads for itself, and no further.
  const late = new CountingSubscriber();
  const lateReader = at.subscribe(late);
  await until(() => lateReader.state === 'live');
  assert.deepEqual(late.offsets, range(0, 4));
  at.fixture.horizon.advance(10);
  await until(() => reader.position === 10 && lateReader.position === 10);
  assert.deepEqual(subscriber.offsets, range(0, 10));
  assert.deepEqual(late.offsets, range(0, 10));
});

test('a position that is beyond the horizon waits for it', async () => {
  await using at = await running();
  await at.fixture.append(rows(10));
  const subscriber = new CountingSubscriber();
  const reader = at.subscribe(subscriber, 6);
  at.fixture.horizon.advance(5);
  assert.equal(reader.state, 'catching up');
  at.fixture.horizon.advance(10);
  await until(() => reader.position === 10 && reader.state === 'live');
  assert.deepEqual(subscriber.offsets, range(6, 10));
});

test('cut-over under writes, with room that comes and goes: each change once, in order', async () => {
  await using at = await running();
  await at.fixture.write(rows(3_000));
  const wants = (view: ChangeView): boolean => view.stored.offset % 3 !== 1;
  const subscribers = [0, 1, 2, 3, 4].map(
    (index) => new CountingSubscriber(null, index === 0 ? undefined : wants),
  );
  const readers = subscribers.map((subscriber, index) => at.subscribe(subscriber, index * 700));
  const steady = new CountingSubscriber();
  const live = at.subscribe(steady, 0);
  for (const subscriber of subscribers.slice(2)) subscriber.space = 10;
  const states = new Set<string>();
  for (let round = 0; round < 150; round++) {
    await at.fixture.write(rows(round % 2 === 0 ? 1 : 1 + ((round * 7) % 40)));
    // Some get little room, so that they fall behind and catch up again and again.
    for (const [index, subscriber] of subscribers.entries()) {
      if (index >= 2 && round % index === 0) subscriber.give((round * 13 * index) % 120);
      states.add(readers[index]?.state ?? '');
    }
    if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const subscriber of subscribers) subscriber.give(1_000_000);
  const { head } = at.fixture.log;
  await until(() => [...readers, live].every((reader) => reader.position === head));
  for (const [index, subscriber] of subscribers.entries()) {
    const expected = range(index * 700, head).filter((offset) => index === 0 || offset % 3 !== 1);
    assert.deepEqual(subscriber.offsets, expected, `subscriber ${index}`);
  }
  assert.deepEqual(steady.offsets, range(0, head));
  assert.ok(states.has('live') && states.has('catching up'), 'both states were passed');
});

test('one that has read further than the dispatcher joins where it is', async () => {
  await using at = await running();
  // So many are live that the dispatcher lets others run many times within one page.
  const live = range(0, 200).map(() => new CountingSubscriber());
  const readers = live.map((subscriber) => at.subscribe(subscriber));
  await until(() => readers.every((reader) => reader.state === 'live'));
  await at.fixture.write(rows(500));
  while (at.dispatcher.position === 0) await nextTurn();
  assert.ok(at.dispatcher.position < 400);
  const ahead = new CountingSubscriber();
  const reader = at.subscribe(ahead, 450);
  while (reader.state !== 'live') await nextTurn();
  assert.ok(at.dispatcher.position < 450, 'the dispatcher is still behind it');
  await until(() => reader.position === 500 && at.dispatcher.position === 500);
  assert.deepEqual(ahead.offsets, range(450, 500));
  for (const subscriber of live) assert.deepEqual(subscriber.offsets, range(0, 500));
});

test('1,000 subscriptions on 1,000 tables: a change costs the one that wants it, and no other', async () => {
  await using at = await running();
  const subscribers = range(0, 1_000).map((index) => new CountingSubscriber(`t${index}`));
  const readers = subscribers.map((subscriber) => at.subscribe(subscriber));
  // Each table appears once, which is when each subscription is asked about it.
  await at.fixture.write(range(0, 1_000).map((index) => ({ table: `public.t${index}`, key: '1' })));
  await until(() => readers.every((reader) => reader.position === 1_000));
  const sum = (count: (subscriber: CountingSubscriber) => number): number =>
    subscribers.reduce((total, subscriber) => total + count(subscriber), 0);
  const asked = sum((subscriber) => subscriber.asked);
  const matched = sum((subscriber) => subscriber.matched);
  const reads = at.reads();

  for (let round = 0; round < 50; round++) {
    await at.fixture.write([{ table: 'public.t7', key: String(round) }]);
    await until(() => at.dispatcher.position === 1_001 + round);
  }
  assert.equal(sum((subscriber) => subscriber.asked) - asked, 0, 'nobody is asked again');
  assert.equal(sum((subscriber) => subscriber.matched) - matched, 50, 'one filter per change');
  assert.equal(subscribers[7]?.offsets.length, 51);
  assert.equal(at.reads() - reads, 50, 'the log is read once for all');
  assert.ok(
    readers.every((reader) => reader.position === 1_050),
    'all cursors follow',
  );
});

test('a table that is new while it runs finds its subscribers', async () => {
  await using at = await running();
  const subscriber = new CountingSubscriber('later');
  const reader = at.subscribe(subscriber);
  await at.fixture.write(rows(5));
  await until(() => reader.position === 5);
  await at.fixture.write(rows(3, 'public.later'));
  await until(() => reader.position === 8);
  assert.deepEqual(subscriber.offsets, [5, 6, 7]);
});

test('a filter that has no answer stops its own subscription, before that change', async () => {
  await using at = await running();
  const faulty = new CountingSubscriber(null, (view) => {
    if (view.stored.offset === 7) throw new Error('no answer');
    return true;
  });
  const healthy = new CountingSubscriber();
  const readers = [at.subscribe(faulty), at.subscribe(healthy)];
  await until(() => readers.every((reader) => reader.state === 'live'));
  await at.fixture.write(rows(20));
  await until(() => healthy.offsets.length === 20);
  assert.equal(faulty.faults, 1);
  assert.deepEqual(faulty.offsets, range(0, 7));
  assert.equal(readers[0]?.state, 'stopped');
  assert.equal(readers[0]?.position, 7);
});

test('what retention took away is reported by offset, and reading goes on behind it', async () => {
  await using at = await running(undefined, 4_096);
  const live = new CountingSubscriber();
  const liveReader = at.subscribe(live);
  await until(() => liveReader.state === 'live');
  for (let round = 0; round < 40; round++) await at.fixture.append(rows(50));
  // A hard limit: it does not ask who still needs the records.
  const floor = await at.fixture.log.trim(at.fixture.log.head - 100);
  assert.ok(floor > 0 && floor < at.fixture.log.head);
  at.fixture.horizon.advance(at.fixture.log.head);
  const behind = new CountingSubscriber();
  const reader = at.subscribe(behind, 3);
  await until(() => reader.position === 2_000 && liveReader.position === 2_000);
  assert.deepEqual(behind.losses, [[3, floor]]);
  assert.deepEqual(live.losses, [[0, floor]]);
  for (const { offsets } of [behind, live]) assert.deepEqual(offsets, range(floor, 2_000));
  assert.equal(live.troubles, 0);
});

test('stopping ends every wait: for the horizon, for room, for a turn, live', async () => {
  const at = await running();
  await at.fixture.write(rows(2_000));
  const full = new CountingSubscriber();
  full.space = 0;
  const readers = [
    at.subscribe(new CountingSubscriber(), 2_000),
    at.subscribe(new CountingSubscriber(), 5_000),
    at.subscribe(full, 0),
    ...range(0, 20).map(() => at.subscribe(new CountingSubscriber(), 0)),
  ];
  await until(() => readers[0]?.state === 'live');
  await at[Symbol.asyncDispose]();
  assert.ok(readers.every((reader) => reader.state === 'stopped'));
});

test('a reader that stops and starts again goes on exactly where it was', async () => {
  await using at = await running();
  const subscriber = new CountingSubscriber();
  const reader = at.subscribe(subscriber);
  const other = at.subscribe(new CountingSubscriber());
  for (let round = 0; round < 30; round++) {
    await at.fixture.write(rows(50));
    // It is stopped in the middle, or when it has everything.
    if (round % 4 === 0) await nextTurn();
    if (round % 2 === 1) await until(() => reader.position === at.fixture.log.head);
    await reader.stop();
    assert.equal(subscriber.offsets.length, reader.position);
    // The dispatcher goes on meanwhile, by a few only.
    await at.fixture.write(rows(round % 4));
    await until(() => other.position === at.fixture.log.head);
    reader.start();
  }
  const { head } = at.fixture.log;
  await until(() => reader.position === head);
  assert.deepEqual(subscriber.offsets, range(0, head));
});

test('a log that fails to read is tried again; nothing is missed or repeated', async () => {
  let failures = 3;
  await using at = await running(
    (log) =>
      new Proxy(log, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name !== 'read' || failures === 0) return value;
          failures -= 1;
          return () => Promise.reject(new Error('disk'));
        },
      }),
  );
  await at.fixture.write(rows(10));
  const subscriber = new CountingSubscriber();
  const reader = at.subscribe(subscriber);
  await until(() => reader.position === 10);
  assert.equal(subscriber.troubles, 3);
  assert.deepEqual(subscriber.offsets, range(0, 10));
});
