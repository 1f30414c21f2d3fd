import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveStart } from './resolve-start.ts';
import { Horizon } from './horizon.ts';
import { nextTurn, Turns } from './turns.ts';
import { DeliveryFixture } from '../../test/support/delivery-fixture.ts';
import { isTidingsError } from '../errors/tidings-error.ts';

test('the horizon only moves forward, and wakes those whom it has passed', async () => {
  const horizon = new Horizon(5);
  const { signal } = new AbortController();
  const woken: number[] = [];
  const waiting = [5, 7].map((beyond) =>
    horizon.wait(beyond, signal).then(() => woken.push(beyond)),
  );
  await horizon.wait(4, signal);
  horizon.advance(3);
  assert.equal(horizon.offset, 5);
  horizon.advance(7);
  await waiting[0];
  await nextTurn();
  assert.deepEqual(woken, [5]);
  horizon.advance(8);
  await Promise.all(waiting);
  assert.deepEqual(woken, [5, 7]);
});

test('waiting for the horizon ends on abort', async () => {
  const horizon = new Horizon();
  const stop = new AbortController();
  const waiting = horizon.wait(1_000, stop.signal);
  stop.abort();
  await waiting;
  await horizon.wait(1_000, stop.signal);
});

test('turns go round in order, no more at a time than allowed', async () => {
  const turns = new Turns(2);
  const { signal } = new AbortController();
  const order: number[] = [];
  let atOnce = 0;
  const work = (number: number) => async (): Promise<void> => {
    order.push(number);
    atOnce += 1;
    assert.ok(atOnce <= 2);
    await nextTurn();
    atOnce -= 1;
  };
  await Promise.all(Array.from({ length: 9 }, (_, number) => turns.take(signal, work(number))));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('a turn that nobody waits for any more goes to the next, and one that fails is free again', async () => {
  const turns = new Turns(1);
  const stop = new AbortController();
  const { signal } = new AbortController();
  let release: () => void = () => undefined;
  const first = turns.take(signal, () => new Promise((resolve) => (release = resolve)));
  let ran = false;
  const given = turns.take(stop.signal, async () => {
    ran = true;
  });
  const failing = turns.take(signal, () => Promise.reject(new Error('no')));
  stop.abort();
  await given;
  assert.equal(ran, false);
  release();
  await first;
  await assert.rejects(failing, /no/);
  await turns.take(signal, async () => {
    ran = true;
  });
  assert.equal(ran, true);
});

test('where to start: both ends, an offset, a time; and what is none of them', async () => {
  await using fixture = await DeliveryFixture.create();
  const before = new Date(Date.now() - 60_000);
  await fixture.append([{ key: '1' }, { key: '2' }]);
  const { log } = fixture;
  assert.equal(await resolveStart(log, 'main', 'head'), 2);
  assert.equal(await resolveStart(log, 'main', 'floor'), 0);
  assert.equal(await resolveStart(log, 'main', 1), 1);
  assert.equal(await resolveStart(log, 'main', 2), 2);
  assert.equal(await resolveStart(log, 'main', before), 0);
  assert.equal(await resolveStart(log, 'main', new Date(Date.now() + 60_000)), 2);
  for (const wrong of [-1, 3, 0.5, Number.NaN, new Date('no date')]) {
    await assert.rejects(
      resolveStart(log, 'main', wrong),
      (error) => isTidingsError(error, 'OFFSET_UNKNOWN'),
      String(wrong),
    );
  }
});
