import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, position } from '../../test/support/capture-fixture.ts';
import { until } from '../../test/support/until.ts';
import { encodeImages } from '../change/row-images.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { SqliteLog } from '../log/sqlite/sqlite-log.ts';
import { POSTGRES_DIALECT } from '../source/postgres/values/dialect.ts';

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
