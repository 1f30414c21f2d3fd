import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeWalsender } from '../../../../test/support/fake-walsender.ts';
import { ENDS } from '../../../../test/support/until.ts';
import { readSlot } from './read-slot.ts';

const timers = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

/** Aborts in the microtask behind the n-th time that it is asked whether it has. */
function abortsBehind(asked: number): {
  readonly signal: AbortSignal;
  readonly count: () => number;
} {
  const abort = new AbortController();
  const { signal } = abort;
  const ask = signal.throwIfAborted.bind(signal);
  let count = 0;
  signal.throwIfAborted = () => {
    ask();
    count += 1;
    if (count === asked) queueMicrotask(() => abort.abort(new Error('enough')));
  };
  return { signal, count: () => count };
}

test(
  'a signal that aborts at any moment before it reads leaves no timer behind',
  ENDS,
  async () => {
    for (let asked = 1; ; asked++) {
      await using server = await startFakeWalsender();
      const before = timers();
      const { signal, count } = abortsBehind(asked);
      const reading = readSlot(
        {
          source: 'main',
          url: server.url,
          slot: 'tidings',
          publications: ['tidings'],
          to: '0000000000000010',
          take: () => Promise.resolve(true),
        },
        signal,
      );
      const streams = Promise.race([
        server.started,
        reading.then(
          () => null,
          () => null,
        ),
      ]);
      if ((await streams) !== null && count() < asked) {
        assert.ok(asked > 2, 'it was asked before');
        const socket = await server.started;
        socket.destroy();
        await assert.rejects(reading);
        return;
      }
      await assert.rejects(reading, /enough/);
      assert.equal(timers(), before, `behind ${asked}`);
    }
  },
);
