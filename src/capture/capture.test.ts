import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../test/until.ts';
import { encodeImages } from '../change/row-images.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { OnCommitPoint } from '../log/sqlite/commit-points.ts';
import { openSqliteLog, type SqliteLog } from '../log/sqlite/sqlite-log.ts';
import { POSTGRES_DIALECT } from '../source/postgres/dialect.ts';
import type { ChangeReceiver, Source, StreamOptions } from '../source/source.ts';
import { Capture, type CaptureOptions } from './capture.ts';

/** A source whose stream the test writes; it sends again whatever the log does not have. */
class ScriptedSource implements Source {
  readonly name = 'main';
  readonly dialect = POSTGRES_DIALECT;
  readonly acknowledged: string[] = [];
  readonly restarts: string[] = [];
  identity = 'database 1';
  visible = true;
  looks = 0;
  streams = 0;
  #receiver: ChangeReceiver | null = null;
  #sent: string[] = [];
  #end: PromiseWithResolvers<void> | null = null;

  async stream({ receiver, signal }: StreamOptions): Promise<void> {
    this.streams += 1;
    const end = Promise.withResolvers<void>();
    this.#end = end;
    signal.addEventListener('abort', () => end.resolve(), { once: true });
    this.#receiver = receiver;
    receiver.streaming();
    for (const position of this.#sent) this.#hand(position);
    this.#burst();
    try {
      await end.promise;
    } finally {
      this.#receiver = null;
      receiver.abandon();
    }
  }

  /** One transaction with one record. */
  send(position: string): void {
    this.#sent.push(position);
    this.#hand(position);
    this.#burst();
  }

  /** The server ends the connection. */
  cut(): void {
    this.#end?.reject(new TidingsError('SOURCE_UNREACHABLE', { source: 'main', reason: 'cut' }));
  }

  /** A transaction of so many records that has begun and does not end. */
  sendOpen(position: string, records: number): void {
    if (this.#receiver?.begin({ id: '9', position }) !== true) return;
    for (let index = 0; index < records; index++) this.#change();
    this.#burst();
  }

  #burst(): void {
    const end = this.#end;
    this.#receiver?.burst()?.catch((error: unknown) => end?.reject(error));
  }

  #hand(position: string): void {
    const receiver = this.#receiver;
    if (receiver?.begin({ id: '1', position }) !== true) return;
    this.#change();
    receiver.commit({ committedAt: 1, context: null }, position);
  }

  #change(): void {
    const receiver = this.#receiver;
    const table = receiver?.table({
      schema: 'public',
      name: 't',
      columns: [{ kind: 'text', type: 'text', array: false, name: 'id' }],
      key: [0],
      identity: 'full',
      dialect: POSTGRES_DIALECT.name,
    });
    const images = encodeImages({ before: null, after: ['1'] });
    const change = { operation: 'insert', key: '1', previousKey: null, images } as const;
    receiver?.change({ ...change, table: table ?? 0 });
  }

  acknowledge(position: string): void {
    this.acknowledged.push(position);
  }

  isElsewhere(): Promise<boolean> {
    return Promise.resolve(false);
  }

  identify(): Promise<string> {
    return Promise.resolve(this.identity);
  }

  restart(): Promise<string> {
    this.restarts.push(this.identity);
    return Promise.resolve('0000000000000100');
  }

  visibility(): ReturnType<Source['visibility']> {
    this.looks += 1;
    const { visible } = this;
    return Promise.resolve({ visible: () => visible, inProgress: [] });
  }

  setUp(): Promise<void> {
    return Promise.resolve();
  }

  check(): Promise<never> {
    return assert.fail('not asked by capture');
  }

  tearDown(): Promise<never> {
    return assert.fail('not asked by capture');
  }

  status(): Promise<never> {
    return assert.fail('not asked by capture');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

interface Fixture extends AsyncDisposable {
  readonly source: ScriptedSource;
  readonly log: SqliteLog;
  readonly capture: Capture;
  readonly states: string[];
  /** What the observer was told in all. */
  readonly captured: { changes: number; transactions: number };
}

async function fixture(
  options: Partial<CaptureOptions> = {},
  onCommitPoint?: OnCommitPoint,
  memoryBytes?: number,
): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-capture-'));
  const log = await openSqliteLog({ directory, source: 'main', onCommitPoint, memoryBytes });
  const source = new ScriptedSource();
  const states: string[] = [];
  const captured = { changes: 0, transactions: 0 };
  const stop = new AbortController();
  const capture = new Capture({
    source,
    log,
    advance: () => undefined,
    confirmIdentity: () => Promise.resolve(),
    checkSpace: () => Promise.resolve(),
    observer: {
      captured(changes, transactions) {
        captured.changes += changes;
        captured.transactions += transactions;
      },
      flushed: () => undefined,
      state: (state) => states.push(state),
      failure: () => undefined,
    },
    signal: stop.signal,
    ...options,
  });
  return {
    source,
    log,
    capture,
    states,
    captured,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await until(() => capture.state === 'stopped' || capture.state === 'failed');
      await log[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

const position = (number: number): string => String(number).padStart(16, '0');

test('invariant 1: acknowledged is only what the log holds already', async () => {
  const events: string[] = [];
  await using at = await fixture({ onCommitPoint: (point) => events.push(point) });
  const { source, log, capture } = at;
  const acknowledge = source.acknowledge.bind(source);
  source.acknowledge = (reached) => {
    assert.equal(log.position, reached, 'the log is there already');
    events.push('acknowledge');
    acknowledge(reached);
  };
  void capture.run();
  await until(() => capture.state === 'streaming');
  for (let number = 1; number <= 20; number++) {
    source.send(position(number));
    await until(() => source.acknowledged.at(-1) === position(number));
  }
  assert.equal(log.head, 20);
  assert.deepEqual(events.slice(0, 4), [
    'capture 1: appended',
    'capture 2: flushed',
    'acknowledge',
    'capture 3: acknowledged',
  ]);
});

test('invariant 1: what could not be flushed is not acknowledged, and comes again', async () => {
  let full = true;
  const onLogPoint = (point: string): void => {
    if (full && point === 'log 1: written') throw new TidingsError('LOG_FULL', { path: 'log' });
  };
  await using at = await fixture({}, onLogPoint);
  const { source, log, capture } = at;
  void capture.run();
  await until(() => capture.state === 'streaming');
  source.send(position(1));
  await until(() => source.streams >= 2, 5_000, 'another try');
  // The other try streams for a moment, until its flush fails too.
  await until(() => capture.state === 'disk full');
  assert.deepEqual(source.acknowledged, []);
  assert.equal(log.head, 0);
  full = false;
  await until(() => log.head === 1);
  await until(() => source.acknowledged.at(-1) === position(1));
  assert.equal(capture.state, 'streaming');
});

test('a disk that stays full is one state, told once', async () => {
  let looks = 0;
  const checkSpace = (): Promise<void> => {
    looks += 1;
    return Promise.reject(new TidingsError('LOG_FULL', { path: 'somewhere' }));
  };
  await using at = await fixture({ checkSpace });
  void at.capture.run();
  await until(() => looks >= 3);
  assert.deepEqual(at.states, ['connecting', 'disk full']);
});

test('what arrives while the free space is looked at is flushed without another burst', async () => {
  const looking = Promise.withResolvers<void>();
  let hold = false;
  let held = false;
  const checkSpace = async (): Promise<void> => {
    if (!hold) return;
    held = true;
    await looking.promise;
  };
  await using at = await fixture({ checkSpace });
  const { source, log, capture } = at;
  void capture.run();
  await until(() => capture.state === 'streaming');
  hold = true;
  let sent = 0;
  // The space is looked at once a second.
  await until(() => {
    if (!held) source.send(position(++sent));
    return held;
  });
  source.send(position(++sent));
  // The flush that this asks for comes while the look at the space has not ended.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  assert.equal(log.head, sent - 1);
  looking.resolve();
  await until(() => log.head === sent, 2_000, 'the flush');
});

test('what had arrived when space ran short is kept, and offsets stay right', async () => {
  const looking = Promise.withResolvers<void>();
  let tight = false;
  let held = false;
  let horizon = 0;
  const checkSpace = async (): Promise<void> => {
    if (!tight) return;
    held = true;
    await looking.promise;
    tight = false;
    throw new TidingsError('LOG_FULL', { path: 'somewhere' });
  };
  await using at = await fixture({ checkSpace, advance: (offset) => void (horizon = offset) });
  const { source, log, capture } = at;
  void capture.run();
  await until(() => capture.state === 'streaming');
  tight = true;
  let sent = 0;
  await until(() => {
    if (!held) source.send(position(++sent));
    return held;
  });
  source.send(position(++sent));
  looking.resolve();
  await until(() => source.streams === 2);
  source.send(position(++sent));
  await until(() => log.head === sent);
  await until(() => horizon === sent, 2_000, 'the horizon at the head');
});

test('a transaction that is not whole is not counted', async () => {
  await using at = await fixture();
  const { source, log, capture, captured } = at;
  void capture.run();
  await until(() => capture.state === 'streaming');
  source.send(position(1));
  source.sendOpen(position(2), 3);
  await until(() => log.head === 1);
  await until(() => captured.transactions === 1);
  assert.deepEqual(captured, { changes: 1, transactions: 1 });
});

test('transactions that were made durable to make room for a large one are counted', async () => {
  await using at = await fixture({}, undefined, 4_000);
  const { source, log, capture, captured } = at;
  void capture.run();
  await until(() => capture.state === 'streaming');
  // In one burst, before anything is flushed.
  source.send(position(1));
  source.send(position(2));
  source.sendOpen(position(3), 2_000);
  assert.equal(log.head, 2, 'ahead of the flush');
  await until(() => captured.changes === 2);
  assert.deepEqual(captured, { changes: 2, transactions: 2 });
});

test('what comes again after a failed flush is counted once', async () => {
  let full = true;
  const onLogPoint = (point: string): void => {
    if (full && point === 'log 1: written') throw new TidingsError('LOG_FULL', { path: 'log' });
  };
  await using at = await fixture({}, onLogPoint);
  const { source, capture, captured } = at;
  void capture.run();
  await until(() => capture.state === 'streaming');
  source.send(position(1));
  source.send(position(2));
  await until(() => capture.state === 'disk full');
  full = false;
  await until(() => captured.changes === 2);
  assert.deepEqual(captured, { changes: 2, transactions: 2 });
  assert.deepEqual([capture.changes, capture.transactions], [2, 2]);
});

test('nothing is taken for visible before it is known which server says so', async () => {
  const changed = new TidingsError('SOURCE_CHANGED', { source: 'main', found: 'b', expected: 'a' });
  const asked = Promise.withResolvers<void>();
  let horizon = 0;
  await using at = await fixture({
    confirmIdentity: () => asked.promise,
    advance: (offset) => void (horizon = offset),
  });
  const { source, log, capture } = at;
  write(log, position(1));
  await log.writer.flush();
  const running = capture.run();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(source.looks, 0);
  asked.reject(changed);
  await assert.rejects(running, changed);
  assert.deepEqual([source.looks, horizon], [0, 0]);
});

test('nor after the connection was lost, until the server is the same again', async () => {
  let other: Promise<void> = Promise.resolve();
  let confirmations = 0;
  let horizon = 0;
  await using at = await fixture({
    confirmIdentity: async () => {
      confirmations += 1;
      await other;
    },
    advance: (offset) => void (horizon = offset),
  });
  const { source, log, capture } = at;
  source.visible = false;
  void capture.run();
  await until(() => capture.state === 'streaming');
  source.send(position(1));
  await until(() => log.head === 1 && source.looks >= 2);
  const same = Promise.withResolvers<void>();
  other = same.promise;
  source.cut();
  await until(() => capture.state === 'reconnecting');
  source.visible = true;
  // Answers to what was asked before come within a turn.
  await new Promise((resolve) => setImmediate(resolve));
  const { looks } = source;
  // Two hundred milliseconds later, in which it would have looked several times.
  await until(() => confirmations === 2);
  assert.deepEqual([horizon, source.looks - looks], [0, 0]);
  same.resolve();
  await until(() => horizon === 1);
});

test('a server that is the same again only after several attempts is asked on', async () => {
  let confirmations = 0;
  let horizon = 0;
  await using at = await fixture({
    confirmIdentity: async () => {
      confirmations += 1;
      if (confirmations === 2 || confirmations === 3) {
        throw new TidingsError('SOURCE_UNREACHABLE', { source: 'main', reason: 'down' });
      }
    },
    advance: (offset) => void (horizon = offset),
  });
  const { source, log, capture } = at;
  source.visible = false;
  void capture.run();
  await until(() => capture.state === 'streaming');
  source.send(position(1));
  await until(() => log.head === 1 && source.looks >= 2);
  source.cut();
  await until(() => confirmations === 4);
  source.visible = true;
  await until(() => horizon === 1);
});

test('a gap in another database than the log’s is not accepted, and nothing is made there', async () => {
  const changed = new TidingsError('SOURCE_CHANGED', { source: 'main', found: 'b', expected: 'a' });
  await using at = await fixture({ confirmIdentity: () => Promise.reject(changed) });
  await assert.rejects(at.capture.acceptGap('test'), changed);
  assert.deepEqual(at.source.restarts, []);
  assert.deepEqual(await at.log.gaps(), []);
  assert.equal(at.capture.state, 'failed');
  assert.equal(at.capture.error, changed);
});

/** One record as a source would have sent it before. */
function write({ writer }: SqliteLog, at: string): void {
  const table = writer.defineTable({
    schema: 'public',
    name: 't',
    columns: [{ kind: 'text', type: 'text', array: false, name: 'id' }],
    key: [0],
    identity: 'full',
    dialect: POSTGRES_DIALECT.name,
  });
  const images = encodeImages({ before: null, after: ['1'] });
  writer.begin({ id: '1', position: at });
  writer.append({ table, operation: 'insert', key: '1', previousKey: null, images });
  writer.commit({ committedAt: 1, context: null });
  writer.reached(at);
}
