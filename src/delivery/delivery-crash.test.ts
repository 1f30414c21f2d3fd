/**
 * Crashes at each numbered commit point of delivery, with an endpoint that fails, rejects and hangs:
 * nothing is skipped, nothing recorded is repeated, and no row goes back in time (invariants 5, 6, 7).
 *
 * A crash throws away the whole engine at that moment: from then on no write reaches the state and
 * no call the endpoint. A power cut also sets the state back to an earlier checkpoint, which
 * `synchronous=NORMAL` allows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ACK,
  DeliveryFixture,
  FAILED,
  type LogEntry,
  sink,
  subscription,
} from '../../test/support/delivery-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';
import type { Attempt, Outcome } from '../sink/sink.ts';
import type { State, StoredException } from '../state/state.ts';
import { DELIVERY_COMMIT_POINTS, type DeliveryCommitPoint } from './observer.ts';

const NAME = 'crm';
const MAX_ATTEMPTS = 3;

interface Crash {
  readonly point: DeliveryCommitPoint;
  /** The how-manieth time the point is passed in its run. */
  readonly passing: number;
  /** Checkpoints that the power cut undoes. */
  readonly undone: number;
}

interface Snapshot {
  readonly cursor: number;
  readonly exceptions: readonly StoredException[];
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Few rows, so that changes of one row are close together; now and then a new key or a truncate. */
function randomEntry(random: () => number): LogEntry {
  const key = `r${Math.floor(random() * 5)}`;
  const table = random() < 0.8 ? 'public.a' : 'public.b';
  const what = random();
  if (what < 0.03) return { table, operation: 'truncate', key: null };
  if (what < 0.12)
    return { table, operation: 'update', key, previousKey: `r${Math.floor(random() * 5)}` };
  return { table, key };
}

/** By definition, and not by how delivery finds it. */
function sameRow(one: LogEntry, other: LogEntry): boolean {
  if (one.table !== other.table) return false;
  if (one.key === null || other.key === null) return true;
  const keys = new Set([one.key, one.previousKey ?? one.key]);
  return keys.has(other.key) || keys.has(other.previousKey ?? other.key);
}

/** What the endpoint and the state have seen, over all runs. */
class World {
  readonly entries: LogEntry[] = [];
  /** Offsets in the order in which the endpoint took them; with repeats. */
  readonly taken: number[] = [];
  readonly parked = new Set<number>();
  readonly ids = new Map<number, string>();
  snapshots: Snapshot[] = [{ cursor: 0, exceptions: [] }];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  get recorded(): Snapshot {
    return this.snapshots.at(-1) ?? { cursor: 0, exceptions: [] };
  }

  attempt(
    { change, number }: Attempt,
    signal: AbortSignal,
    isDead: () => boolean,
  ): Promise<Outcome> {
    if (isDead()) return new Promise(() => undefined);
    const { offset } = change;
    const exception = this.recorded.exceptions.find((one) => one.offset === offset);
    const isRecorded = offset < this.recorded.cursor && exception === undefined;
    assert.ok(!isRecorded, `${offset} was recorded as done and is repeated`);
    assert.ok(exception?.state !== 'parked', `${offset} was recorded as parked`);
    assert.ok(number <= MAX_ATTEMPTS + 1, `attempt ${number}`);
    assert.equal(this.ids.get(offset) ?? change.id, change.id, 'the id stays');
    this.ids.set(offset, change.id);
    const own = this.entries[offset];
    assert.ok(own);
    for (const [earlier, entry] of this.entries.slice(0, offset).entries()) {
      if (!sameRow(entry, own) || this.parked.has(earlier)) continue;
      assert.ok(this.taken.includes(earlier), `${offset} before ${earlier} of its row`);
    }
    const what = this.#random();
    if (what < 0.2) return this.#later(FAILED);
    if (what < 0.23) return Promise.resolve({ kind: 'reject', error: { code: 'NO', message: '' } });
    if (what < 0.25) {
      // Returns long after its deadline, and then says something that does not count.
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => setTimeout(() => resolve(ACK), 5));
      });
    }
    this.taken.push(offset);
    return what < 0.6 ? Promise.resolve(ACK) : this.#later(ACK);
  }

  /** Every change was taken or parked, and the last effect on each row is that of its last change. */
  check(): void {
    const lastTaken = new Map(this.taken.map((offset, index) => [offset, index]));
    for (const [offset, entry] of this.entries.entries()) {
      const at = lastTaken.get(offset);
      assert.ok(at !== undefined || this.parked.has(offset), `${offset} was skipped`);
      // Taken, not recorded, then parked when it was repeated: that is up to the endpoint.
      if (at === undefined || this.parked.has(offset)) continue;
      for (const [earlier, other] of this.entries.slice(0, offset).entries()) {
        if (!sameRow(other, entry)) continue;
        assert.ok((lastTaken.get(earlier) ?? -1) < at, `${earlier} was taken after ${offset}`);
      }
    }
  }

  #later(outcome: Outcome): Promise<Outcome> {
    return new Promise((resolve) => setTimeout(resolve, 1, outcome));
  }
}

async function snapshot(state: State): Promise<Snapshot> {
  const stored = await state.subscription(NAME);
  const exceptions = await state.exceptions({
    subscription: NAME,
    states: ['retrying', 'blocked', 'parked'],
    limit: 10_000,
  });
  return { cursor: stored?.cursor ?? 0, exceptions };
}

/** One run of the engine, up to its crash, or until everything is done. */
async function run(fixture: DeliveryFixture, world: World, crash: Crash | null): Promise<void> {
  const random = randomNumbers(world.entries.length + world.taken.length);
  let dead: boolean = false;
  let passed = 0;
  const { state } = fixture;
  const failures: unknown[] = [];
  fixture.state = new Proxy(state, {
    get(target, name) {
      if (name === 'checkpoint') {
        return async (...checkpoints: Parameters<State['checkpoint']>): Promise<void> => {
          if (dead) throw new Error('the process is gone');
          await target.checkpoint(...checkpoints);
          world.snapshots.push(await snapshot(target));
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const delivery = fixture.deliver(
    {
      parked: (_name, offset) => void (dead || world.parked.add(offset)),
      failure: (_name, error) => void (dead || failures.push(error)),
    },
    (point) => {
      if (crash?.point === point && ++passed === crash.passing) dead = true;
    },
  );
  fixture.state = state;
  const errors: unknown[] = [];
  const endpoint = sink(async (attempt, signal) => {
    try {
      return await world.attempt(attempt, signal, () => dead);
    } catch (error) {
      errors.push(error);
      return ACK;
    }
  });
  const options = { maxAttempts: MAX_ATTEMPTS, maxConcurrency: 4, timeout: 10, grace: 2 };
  delivery.register(subscription(NAME, undefined, { delivery: options }), endpoint);
  await delivery.start();
  for (let round = 0; round < 12; round++) {
    if (dead) break;
    const entries = Array.from({ length: 1 + Math.floor(random() * 6) }, () => randomEntry(random));
    world.entries.push(...entries);
    await fixture.write(entries);
    if (random() < 0.5) await new Promise((resolve) => setTimeout(resolve, random() * 4));
  }
  const head = world.entries.length;
  await until(async () => {
    if (dead || errors.length > 0) return true;
    const status = delivery.status()[0];
    if (status === undefined || status.cursor < head) return false;
    const { retrying, blocked, inFlight, stuck } = status;
    return retrying + blocked + inFlight + stuck === 0;
  });
  if (crash === null) await delivery.drain(AbortSignal.timeout(1_000));
  dead = true;
  await delivery.drain(AbortSignal.abort());
  if (errors.length > 0) throw errors[0];
  assert.deepEqual(failures, []);
}

/** After a power cut the state may be an earlier one. */
async function setBack(fixture: DeliveryFixture, world: World, undone: number): Promise<void> {
  await fixture.reopenState();
  world.snapshots = world.snapshots.slice(0, Math.max(1, world.snapshots.length - undone));
  if (undone === 0) return;
  const { cursor, exceptions } = world.recorded;
  await fixture.state.rewind(NAME, 0);
  await fixture.state.checkpoint([{ name: NAME, cursor, put: exceptions, remove: [], losses: [] }]);
}

async function survive(seed: number, crashes: readonly Crash[]): Promise<void> {
  await using fixture = await DeliveryFixture.create();
  const world = new World(randomNumbers(seed));
  for (const crash of crashes) {
    await run(fixture, world, crash);
    await setBack(fixture, world, crash.undone);
  }
  await run(fixture, world, null);
  world.check();
}

for (const point of DELIVERY_COMMIT_POINTS) {
  for (const passing of [1, 2, 7]) {
    test(`a crash at "${point}", passing ${passing}`, ENDS, async () => {
      await survive(passing, [{ point, passing, undone: 0 }]);
    });
  }
}

test('any crashes and power cuts, one after the other', { timeout: 60_000 }, async () => {
  const crash = fc.record({
    point: fc.constantFrom(...DELIVERY_COMMIT_POINTS),
    passing: fc.integer({ min: 1, max: 30 }),
    undone: fc.oneof(fc.constant(0), fc.nat({ max: 3 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(crash, { minLength: 1, maxLength: 5 }), survive),
    { numRuns: 25 },
  );
});
