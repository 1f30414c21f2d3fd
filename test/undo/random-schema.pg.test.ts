/**
 * Random schemas and random histories: what the log says, what an undo makes of the tables, and what
 * they are shown to have held, against what the database itself said at the time.
 *
 * A failure prints the SQL that led to it, and the seed and path that find it again:
 *
 *     TIDINGS_FUZZ_SEED=… TIDINGS_FUZZ_PATH=… npm test -- test/undo/random-schema
 *
 * `TIDINGS_FUZZ_SECONDS` is how long to look (without a seed each run has another one then),
 * `TIDINGS_FUZZ_FEATURES` what schemas and histories may have (`features.ts`), and
 * `TIDINGS_FUZZ_COLLECT` a folder: then failures are written there, and the search goes on.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { startTestServer } from '../support/postgres.ts';
import { type Case, caseArbitrary, CaseFailure, runCase } from './random-schema/case.ts';
import { chosenFeatures } from './random-schema/features.ts';
import { Statistics } from './random-schema/statistics.ts';
import { openWorld, SERVER_SETTINGS, type World } from './random-schema/world.ts';

/** How long the test looks when nobody says how long; seconds. */
const SECONDS = 30;
/** The same cases every time, then. */
const SEED = 8;
/** A database is left for a new one after so many cases: everything slows down in a large catalogue. */
const CASES_PER_DATABASE = 25;
/** Of the undos, at least this share has to be applied: a test that sees refusals alone shows nothing. */
const LEAST_APPLIED = 0.5;
/** The same for looks at the past. */
const LEAST_SHOWN = 0.5;

/** A share of fewer than these is chance. */
const FEWEST = 30;

const environment = process.env;
const seconds = Number(environment['TIDINGS_FUZZ_SECONDS'] ?? SECONDS);
const features = chosenFeatures(environment['TIDINGS_FUZZ_FEATURES']);
const collect = environment['TIDINGS_FUZZ_COLLECT'] ?? null;
const random = environment['TIDINGS_FUZZ_SECONDS'] !== undefined;
const seed = Number(environment['TIDINGS_FUZZ_SEED'] ?? (random ? Date.now() % 2 ** 31 : SEED));
const path = environment['TIDINGS_FUZZ_PATH'] ?? '';

/** The databases, one after the other. */
class Worlds implements AsyncDisposable {
  readonly #server: string;
  #world: World | null = null;
  #cases = 0;
  #all = 0;

  constructor(server: string) {
    this.#server = server;
  }

  async next(): Promise<{ readonly world: World; readonly schema: string }> {
    if (this.#cases >= CASES_PER_DATABASE) await this.drop();
    this.#world ??= await openWorld(this.#server);
    this.#cases += 1;
    this.#all += 1;
    return { world: this.#world, schema: `case_${this.#all}` };
  }

  async drop(): Promise<void> {
    await this.#world?.[Symbol.asyncDispose]();
    this.#world = null;
    this.#cases = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drop();
  }
}

test('random schemas and histories', { timeout: (seconds + 120) * 1000 }, async (t) => {
  await using server = await startTestServer(18, SERVER_SETTINGS);
  await using worlds = new Worlds(server.url);
  const statistics = new Statistics();
  let failures = 0;
  let running: Promise<void> = Promise.resolve();
  const property = (one: Case): Promise<void> => (running = tryOne(one));
  const tryOne = async (one: Case): Promise<void> => {
    const { world, schema } = await worlds.next();
    statistics.count('cases');
    try {
      await runCase(world, one, { schema, features, statistics });
    } catch (error) {
      await worlds.drop();
      if (collect === null || !(error instanceof CaseFailure)) throw error;
      mkdirSync(collect, { recursive: true });
      writeFileSync(join(collect, `${seed}-${++failures}.sql`), `${error.message}\n`);
    }
  };
  try {
    await fc.assert(fc.asyncProperty(caseArbitrary(features), property), {
      seed,
      path,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: seconds * 1000,
      markInterruptAsFailure: false,
    });
  } finally {
    // Where time is up the last case goes on by itself.
    await running.catch(() => undefined);
    t.diagnostic(`seed ${seed}, features ${[...features].join(',')}\n${statistics.toString()}`);
  }
  // Of other features nobody knows what to expect.
  if (environment['TIDINGS_FUZZ_FEATURES'] !== undefined) return;
  assertShare(statistics, 'undo: ', 'applied', LEAST_APPLIED);
  assertShare(statistics, 'as-of: ', 'shown', LEAST_SHOWN);
});

/** Fails when too few came out this way; says nothing when a slow machine has seen too few at all. */
function assertShare(statistics: Statistics, of: string, what: string, least: number): void {
  const [all, some] = [statistics.total(of), statistics.get(`${of}${what}`)];
  if (all < FEWEST) return;
  assert.ok(some >= least * all, `${of}${some} of ${all} are ${what}, the rest is refused`);
}
