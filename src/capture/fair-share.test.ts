import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from '../util/sleep.ts';
import { FairShare } from './fair-share.ts';

/** Keeps the thread for so long. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

const { signal } = new AbortController();

test('others get their turn for as long as capture had its own', async () => {
  let turns = 0;
  const over = new AbortController();
  const share = new FairShare(() => true, signal);
  const others = (async () => {
    while (!over.signal.aborted) {
      work(1);
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await share.rest();
  turns = 0;
  work(40);
  await share.rest();
  const had = turns;
  over.abort();
  await others;
  // Without a rest there is none; on a busy machine a millisecond's work takes longer than that.
  assert.ok(had >= 2, `others had ${had} turns beside 40 milliseconds of capture`);
});

test('nobody has use for it: capture goes on at once', async () => {
  const share = new FairShare(() => false, signal);
  work(40);
  let turns = 0;
  setImmediate(() => (turns += 1));
  await share.rest();
  assert.equal(turns, 0, 'not a turn of the loop was waited for');
});

test('it ends with the signal, and when the others only wait for something elsewhere', async () => {
  const stop = new AbortController();
  const share = new FairShare(() => true, stop.signal);
  work(60);
  const rested = share.rest();
  stop.abort();
  await rested;
  const waiting = new FairShare(() => true, signal);
  work(100);
  let turns = 0;
  const count = (async () => {
    for (; turns < 1_000; turns++) await sleep(1);
  })();
  await waiting.rest();
  assert.ok(turns < 80, `an idle rest was cut short, after ${turns} ms`);
  turns = 1_000;
  await count;
});
