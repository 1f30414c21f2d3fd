import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Change } from '../change/change.ts';
import type { Sink } from './sink.ts';

/** How the endpoint behind a sink shall behave for the next attempts. */
export type EndpointBehaviour = 'takes' | 'fails' | 'hangs until aborted';

/** A sink with an endpoint of which the test knows what it got. */
export interface SinkUnderTest extends AsyncDisposable {
  readonly sink: Sink;
  behave(behaviour: EndpointBehaviour): void;
  /** Ids of the changes that the endpoint got, in order. */
  readonly received: readonly string[];
}

/** What every sink has to do. */
export function testSink(name: string, create: () => Promise<SinkUnderTest>): void {
  const attempt = (change: Change, number = 1): Parameters<Sink['deliver']>[0] => ({
    subscription: 'crm',
    change,
    number,
  });

  describe(`sink: ${name}`, () => {
    test('acknowledges what the endpoint took, whatever the operation', async () => {
      await using at = await create();
      at.behave('takes');
      const { signal } = new AbortController();
      for (const operation of ['insert', 'update', 'delete', 'truncate'] as const) {
        const change = changeOf(operation);
        assert.deepEqual(await at.sink.deliver(attempt(change), signal), { kind: 'ack' });
        assert.equal(at.received.at(-1), change.id);
      }
    });

    test('says what failed, does not throw, and tries once', async () => {
      await using at = await create();
      at.behave('fails');
      const { signal } = new AbortController();
      const outcome = await at.sink.deliver(attempt(changeOf('insert')), signal);
      assert.ok(outcome.kind !== 'ack');
      assert.ok(outcome.error.code.length > 0);
      assert.ok(outcome.error.message.length > 0);
      // An endpoint that cannot be reached at all got nothing.
      assert.ok(at.received.length <= 1);
      at.behave('takes');
      const again = await at.sink.deliver(attempt(changeOf('insert'), 2), signal);
      assert.deepEqual(again, { kind: 'ack' });
    });

    test('gives up when the signal aborts', async () => {
      await using at = await create();
      at.behave('hangs until aborted');
      const stop = new AbortController();
      const ending = at.sink.deliver(attempt(changeOf('update')), stop.signal);
      stop.abort();
      await ending;
    });

    test('attempts may run side by side', async () => {
      await using at = await create();
      at.behave('takes');
      const { signal } = new AbortController();
      const changes = Array.from({ length: 50 }, (_, index) => changeOf('insert', index));
      const outcomes = await Promise.all(
        changes.map((change) => at.sink.deliver(attempt(change), signal)),
      );
      assert.ok(outcomes.every((outcome) => outcome.kind === 'ack'));
      assert.deepEqual(new Set(at.received), new Set(changes.map((change) => change.id)));
    });

    test('can be closed, also twice', async () => {
      const at = await create();
      await at.sink[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
    });
  });
}

function changeOf(operation: Change['operation'], index = 0): Change {
  const row = { id: index, email: 'ann@example.org' };
  return {
    id: `main:0000000000000010:${operation}${index}`,
    source: 'main',
    offset: index,
    operation,
    schema: 'public',
    table: 'accounts',
    key: operation === 'truncate' ? null : { id: index },
    before: operation === 'update' || operation === 'delete' ? row : null,
    after: operation === 'insert' || operation === 'update' ? row : null,
    changed: operation === 'update' ? ['email'] : null,
    transaction: {
      id: '7712',
      position: '0000000000000010',
      index,
      last: true,
      committedAt: '2026-01-02T03:04:05.000000Z',
      context: null,
    },
  };
}
