import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, Row } from '../../change/change.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { describeFailure } from '../describe-failure.ts';
import { type EndpointBehaviour, testSink } from '../sink.contract.ts';
import { HandlerSink } from './handler-sink.ts';
import type { HandlerCall, TableHandler } from './table-handler.ts';

const SIGNAL = new AbortController().signal;

testSink('handler', async () => {
  let behaviour: EndpointBehaviour = 'takes';
  const received: string[] = [];
  const call = async (_row: Row | null, change: Change, { signal }: HandlerCall): Promise<void> => {
    received.push(change.id);
    if (behaviour === 'fails') throw new Error('not now');
    if (behaviour === 'takes') return;
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  };
  const sink = new HandlerSink('crm', { insert: call, update: call, delete: call, truncate: call });
  return {
    sink,
    received,
    behave: (next) => void (behaviour = next),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

function change(part: Partial<Change>): Change {
  return {
    id: 'main:1:0',
    source: 'main',
    offset: 7,
    operation: 'insert',
    schema: 'public',
    table: 'accounts',
    key: { id: 1 },
    before: null,
    after: null,
    changed: null,
    transaction: {
      id: '1',
      position: '1',
      index: 0,
      last: true,
      committedAt: '2026-01-02T03:04:05.000000Z',
      context: null,
    },
    ...part,
  };
}

test('each operation is one call, with the row that belongs to it, on the object itself', async () => {
  const calls: unknown[] = [];
  const handler = {
    name: 'mail',
    insert(row: Row) {
      calls.push([this.name, 'insert', row]);
    },
    async update(row: Row, { before }: Change, { attempt, signal }: HandlerCall) {
      calls.push(['update', row, before, attempt, signal === SIGNAL]);
    },
    delete(row: Row) {
      calls.push(['delete', row]);
    },
    truncate(row: null) {
      calls.push(['truncate', row]);
    },
  };
  const sink = new HandlerSink('mail', handler);
  const [old, row, key] = [{ id: 1, n: 1 }, { id: 1, n: 2 }, { id: 1 }];
  const changes = [
    change({ operation: 'insert', after: row }),
    change({ operation: 'update', before: old, after: row }),
    change({ operation: 'delete', before: old }),
    // Of a table that tells no old rows.
    change({ operation: 'delete', before: null, key }),
    change({ operation: 'truncate', key: null }),
  ];
  for (const one of changes) {
    const outcome = await sink.deliver({ subscription: 'mail', change: one, number: 3 }, SIGNAL);
    assert.deepEqual(outcome, { kind: 'ack' });
  }
  assert.deepEqual(calls, [
    ['mail', 'insert', row],
    ['update', row, old, 3, true],
    ['delete', old],
    ['delete', key],
    ['truncate', null],
  ]);
});

test('an operation without a method is acknowledged without a call', async () => {
  const sink = new HandlerSink('mail', { insert: () => undefined });
  assert.deepEqual(sink.operations, ['insert']);
  const attempt = { subscription: 'mail', change: change({ operation: 'delete' }), number: 1 };
  assert.deepEqual(await sink.deliver(attempt, SIGNAL), { kind: 'ack' });
});

test('whatever is thrown, and however, is a failure to be tried again', async () => {
  const thrown: unknown[] = [new Error('no'), 'text', undefined, Object.create(null), Symbol('s')];
  for (const what of thrown) {
    for (const late of [false, true]) {
      const handler: TableHandler = {
        // oxlint-disable-next-line typescript/promise-function-async -- Both ways are wanted.
        insert() {
          // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- That is the point.
          if (late) return Promise.reject(what);
          // oxlint-disable-next-line typescript/only-throw-error -- That is the point.
          throw what;
        },
      };
      const attempt = { subscription: 'mail', change: change({}), number: 1 };
      const outcome = await new HandlerSink('mail', handler).deliver(attempt, SIGNAL);
      assert.equal(outcome.kind, 'retry');
    }
  }
});

test("a promise of another library's counts as one", async () => {
  // oxlint-disable-next-line unicorn/no-thenable -- Such promises are what is tested.
  const foreign = { then: (resolve: () => void) => setTimeout(resolve, 1) };
  const handler = { insert: () => foreign as unknown as Promise<void> };
  const attempt = { subscription: 'mail', change: change({}), number: 1 };
  assert.deepEqual(await new HandlerSink('mail', handler).deliver(attempt, SIGNAL), {
    kind: 'ack',
  });
});

test('an object that is no handler is refused when it is registered', () => {
  const insert = (): void => undefined;
  const columns = [
    { insert, columns: 'a' },
    { insert, columns: [] },
    { insert, columns: [1] },
  ];
  for (const wrong of [{}, { columns: ['a'] }, { insert: 'yes' }, ...columns]) {
    assert.throws(
      () => new HandlerSink('mail', wrong as unknown as TableHandler),
      (error) => isTidingsError(error, 'HANDLER_INVALID') && error.message.includes('mail'),
    );
  }
});

test('where an exception was thrown is kept, once for all rows that fail there', async () => {
  const find = (id: unknown): never => {
    throw new TypeError(`no row ${String(id)}`, { cause: new Error('the index is gone') });
  };
  const sink = new HandlerSink('mail', { insert: ({ id }) => find(id) });
  const stacks: (string | undefined)[] = [];
  for (const id of [1, 2]) {
    const attempt = { subscription: 'mail', change: change({ after: { id } }), number: 1 };
    const outcome = await sink.deliver(attempt, SIGNAL);
    assert.ok(outcome.kind === 'retry');
    assert.equal(outcome.error.message, `no row ${id}`);
    stacks.push(outcome.error.stack);
  }
  const [stack = ''] = stacks;
  assert.match(stack, /^at find \(.*handler-sink\.test\.ts:\d+:\d+\)\nat Object\.insert /);
  assert.match(stack, /\ncaused by Error: the index is gone\nat find /);
  assert.equal(stacks[1], stack);
  assert.ok(stack.length <= 2_000);
  const bare = await new HandlerSink('mail', {
    insert: () => Promise.reject(Object.assign(new Error('no'), { stack: undefined })),
  }).deliver({ subscription: 'mail', change: change({}), number: 1 }, SIGNAL);
  assert.deepEqual(bare, { kind: 'retry', error: { code: 'HANDLER_FAILED', message: 'no' } });
});

test('failures are kept short, with their own code where they have one', () => {
  const refused = Object.assign(new Error('x'.repeat(5_000)), { code: 'ECONNREFUSED' });
  const { code, message } = describeFailure(refused);
  assert.equal(code, 'ECONNREFUSED');
  assert.ok(message.length < 1_100);
  assert.deepEqual(describeFailure(new TypeError('')), {
    code: 'HANDLER_FAILED',
    message: 'TypeError',
  });
  assert.deepEqual(describeFailure('text'), { code: 'HANDLER_FAILED', message: "'text'" });
});
