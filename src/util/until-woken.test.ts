import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { onAbort } from './on-abort.ts';
import { sleep } from './sleep.ts';
import { untilAborted, untilWoken } from './until-woken.ts';

/** A wait whose registration the test sees. */
function wait(signal: AbortSignal): {
  readonly ended: Promise<boolean>;
  readonly waiting: Set<() => void>;
} {
  const waiting = new Set<() => void>();
  const ended = untilWoken(signal, (wake) => {
    waiting.add(wake);
    return () => waiting.delete(wake);
  });
  return { ended, waiting };
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

test('it ends when it is woken, and nothing is left of it', async () => {
  const { signal } = new AbortController();
  const { ended, waiting } = wait(signal);
  const [wake] = waiting;
  wake?.();
  assert.equal(waiting.size, 0, 'in the same turn');
  assert.equal(await ended, true);
  assert.equal(listeners(signal), 0);
  wake?.();
});

test('it ends when the signal aborts, also when that was before', async () => {
  const stop = new AbortController();
  const { ended, waiting } = wait(stop.signal);
  stop.abort();
  assert.equal(waiting.size, 0);
  assert.equal(await ended, false);
  const late = wait(stop.signal);
  assert.equal(late.waiting.size, 0, 'nothing is registered');
  assert.equal(await late.ended, false);
});

test('it may be woken while it is being registered', async () => {
  let takenBack = 0;
  const { signal } = new AbortController();
  const woken = await untilWoken(signal, (wake) => {
    wake();
    return () => void (takenBack += 1);
  });
  assert.deepEqual([woken, takenBack, listeners(signal)], [true, 1, 0]);
});

test('what was woken stays woken, whatever aborts afterwards', async () => {
  const stop = new AbortController();
  const { ended, waiting } = wait(stop.signal);
  for (const wake of waiting) wake();
  stop.abort();
  assert.equal(await ended, true);
});

test('sleeping and waiting for the end', async () => {
  const stop = new AbortController();
  const both = Promise.all([sleep(60_000, stop.signal), untilAborted(stop.signal)]);
  stop.abort();
  await both;
  await sleep(1);
});

test('an act for the abort is taken back, or done at once', () => {
  const stop = new AbortController();
  let acts = 0;
  const act = (): void => void (acts += 1);
  {
    using _forgotten = onAbort(stop.signal, act);
  }
  using _kept = onAbort(stop.signal, act);
  stop.abort();
  assert.equal(acts, 1);
  using _late = onAbort(stop.signal, act);
  assert.equal(acts, 2);
});
