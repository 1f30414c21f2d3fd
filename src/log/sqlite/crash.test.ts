import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { changeOf, position, readAll, tableNamed } from '../log.contract.ts';
import { markOf } from '../log-marks.contract.ts';
import type { Log } from '../log.ts';
import { LOG_COMMIT_POINTS, type LogCommitPoint } from './commit-points.ts';
import { PART_SUFFIX } from './format.ts';
import { openSqliteLog, type SqliteLog } from './sqlite-log.ts';
import { verifySqliteLog } from './verify.ts';

/** Small sizes, so that segments change and large transactions happen all the time. */
const SIZES = { segmentBytes: 200_000, memoryBytes: 100_000 };

/** A transaction is a function of its number, so that what is found can be compared. */
interface Plan {
  readonly number: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Some transactions, whatever their size, have a mark in the middle; those without rows, too. */
function hasMark(number: number): boolean {
  return number % 3 === 0;
}

function feed(log: Log, { number, rows, bytes }: Plan): boolean {
  const { writer } = log;
  const table = writer.defineTable(tableNamed(`t${number % 5}`));
  if (!writer.begin({ id: `${number}`, position: position(number) })) return false;
  for (let n = 0; n < rows; n++) {
    if (hasMark(number) && n === Math.floor(rows / 2)) writer.mark(markOf(`${number}`));
    writer.append(changeOf(table, `${number}:${n}`, `${n}`.padEnd(bytes, 'x')));
  }
  if (hasMark(number) && rows === 0) writer.mark(markOf(`${number}`));
  writer.commit({ committedAt: number, context: null });
  return true;
}

/** Compares the whole log with the transactions that must be in it. */
async function compare(log: Log, plans: readonly Plan[]): Promise<void> {
  const expected = plans.flatMap(({ number, rows }) =>
    Array.from({ length: rows }, (_, n) => `${number}:${n}`),
  );
  assert.equal(log.head, expected.length, 'the head is after the last whole transaction');
  const records = await readAll(log);
  assert.deepEqual(
    records.map(({ offset, key }) => `${offset} ${key}`),
    expected.map((key, offset) => `${offset} ${key}`).slice(log.floor),
  );
  let first = 0;
  const marks: string[] = [];
  for (const { number, rows } of plans) {
    const offset = first + Math.floor(rows / 2);
    if (hasMark(number) && offset >= log.floor) marks.push(`${offset} ${number}`);
    first += rows;
  }
  assert.deepEqual(
    log.marks().map(({ offset, transaction }) => `${offset} ${transaction?.id}`),
    marks,
    'a mark is there exactly when its transaction is',
  );
}

/** The number of the last transaction that has left something in the log. */
function lastNumber(log: Log): number {
  return log.position === null ? 0 : parseInt(log.position, 16);
}

async function assertInOrder(directory: string): Promise<void> {
  const { findings } = await verifySqliteLog(directory, 'main', {
    signal: new AbortController().signal,
  });
  assert.deepEqual(findings, []);
}

class Crash extends Error {}

/** A log that can crash: at an armed commit point its files are copied, and the copy goes on. */
class CrashingLog {
  readonly #root: string;
  #copies = 0;
  #armed: { readonly point: LogCommitPoint; passes: number } | null = null;
  directory: string;
  log: SqliteLog;
  crashed = false;

  private constructor(root: string, directory: string) {
    this.#root = root;
    this.directory = directory;
    this.log = undefined as unknown as SqliteLog;
  }

  static async open(root: string): Promise<CrashingLog> {
    const crashing = new CrashingLog(root, join(root, 'log-0'));
    await crashing.reopen();
    return crashing;
  }

  arm(point: LogCommitPoint, passes: number): void {
    this.#armed = { point, passes };
  }

  async reopen(): Promise<void> {
    this.#armed = null;
    this.crashed = false;
    this.log = await openSqliteLog({
      directory: this.directory,
      source: 'main',
      ...SIZES,
      onCommitPoint: (point) => this.#pass(point),
    });
  }

  async close(): Promise<void> {
    this.#armed = null;
    await this.log[Symbol.asyncDispose]();
  }

  #pass(point: LogCommitPoint): void {
    if (this.#armed?.point !== point || this.#armed.passes-- > 0) return;
    this.#armed = null;
    this.crashed = true;
    this.#copies += 1;
    const copy = join(this.#root, `log-${this.#copies}`);
    // Without the shared memory: it does not outlive a process.
    cpSync(this.directory, copy, { recursive: true, filter: (path) => !path.endsWith('-shm') });
    this.directory = copy;
    throw new Crash(point);
  }
}

type Step =
  | { readonly do: 'append'; readonly rows: number; readonly bytes: number }
  | { readonly do: 'abandon'; readonly rows: number }
  | { readonly do: 'split'; readonly rows: number }
  | { readonly do: 'flush' | 'reopen' }
  | { readonly do: 'trim'; readonly share: number }
  | { readonly do: 'arm'; readonly point: LogCommitPoint; readonly passes: number };

const rows = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 30 }) },
  { weight: 2, arbitrary: fc.integer({ min: 200, max: 1500 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append'),
      rows,
      bytes: fc.integer({ min: 0, max: 300 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('flush') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abandon'), rows }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('split'), rows }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('trim'),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('arm'),
      point: fc.constantFrom(...LOG_COMMIT_POINTS),
      passes: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

/** Drives a log through the steps beside a model of it. */
class Model {
  readonly #crashing: CrashingLog;
  /** What is known to be in the log. */
  #flushed: Plan[] = [];
  /** Appended since; a source sends it again after a crash. */
  #pending: Plan[] = [];
  #number = 0;
  readonly crashes = new Set<LogCommitPoint>();

  constructor(crashing: CrashingLog) {
    this.#crashing = crashing;
  }

  async take(step: Step): Promise<void> {
    try {
      await this.#carryOut(step);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.crashes.add(error.message as LogCommitPoint);
      await this.#recover();
    }
  }

  async settle(): Promise<void> {
    await this.take({ do: 'flush' });
    await compare(this.#crashing.log, [...this.#flushed, ...this.#pending]);
  }

  async #carryOut(step: Step): Promise<void> {
    const { log } = this.#crashing;
    switch (step.do) {
      case 'append':
        this.#append({ number: ++this.#number, rows: step.rows, bytes: step.bytes });
        return;
      case 'abandon': {
        const number = ++this.#number;
        const table = log.writer.defineTable(tableNamed('t0'));
        log.writer.begin({ id: `${number}`, position: position(number) });
        for (let n = 0; n < step.rows; n++)
          log.writer.append(changeOf(table, 'dropped', 'x'.repeat(200)));
        log.writer.abandon();
        return;
      }
      case 'split': {
        // A flush in the middle of a transaction concerns only those before it.
        const plan = { number: ++this.#number, rows: step.rows + 1, bytes: 200 };
        this.#pending.push(plan);
        const table = log.writer.defineTable(tableNamed(`t${plan.number % 5}`));
        log.writer.begin({ id: `${plan.number}`, position: position(plan.number) });
        for (let n = 0; n < plan.rows; n++) {
          if (n === Math.floor(plan.rows / 2)) {
            if (hasMark(plan.number)) log.writer.mark(markOf(`${plan.number}`));
            await log.writer.flush();
          }
          log.writer.append(changeOf(table, `${plan.number}:${n}`, 'x'.repeat(200)));
        }
        log.writer.commit({ committedAt: plan.number, context: null });
        return;
      }
      case 'flush':
        await log.writer.flush();
        this.#flushed.push(...this.#pending.splice(0));
        await compare(log, this.#flushed);
        return;
      case 'trim': {
        const { floor } = log;
        const before = Math.floor(log.head * step.share);
        const trimmed = await log.trim(before);
        assert.ok(trimmed >= floor && trimmed <= Math.max(before, floor));
        return;
      }
      case 'reopen':
        await this.#crashing.close();
        await this.#crashing.reopen();
        await this.#resend();
        return;
      case 'arm':
        this.#crashing.arm(step.point, step.passes);
    }
  }

  #append(plan: Plan): void {
    this.#pending.push(plan);
    feed(this.#crashing.log, plan);
  }

  async #recover(): Promise<void> {
    const before = this.#crashing.log;
    await this.#crashing.reopen();
    // The process that crashed; its files are not the log's any more.
    await before[Symbol.asyncDispose]();
    const { log } = this.#crashing;
    const known = this.#flushed.reduce((sum, plan) => sum + plan.rows, 0);
    assert.ok(log.head >= known, 'the head never goes back below what was flushed');
    // Whatever survived of the rest is a beginning of it, in whole transactions.
    const survived = this.#pending.filter(({ number }) => number <= lastNumber(log));
    await compare(log, [...this.#flushed, ...survived]);
    await assertInOrder(this.#crashing.directory);
    await this.#resend();
  }

  /** The source begins again after the last position that it was told. */
  async #resend(): Promise<void> {
    const { log } = this.#crashing;
    for (const plan of this.#pending) feed(log, plan);
    await log.writer.flush();
    this.#flushed.push(...this.#pending.splice(0));
    await compare(log, this.#flushed);
  }
}

// Before any test is declared: the child of one runs none itself.
if (process.argv[2] === 'child') {
  await appendUntilKilled(process.argv[3] ?? '', process.argv[4] ?? '', Number(process.argv[5]));
}

describe('invariants 2 and 3 under crashes', () => {
  test('random transactions, flushes, crashes and trims leave whole transactions without a hole', async () => {
    const crashes = new Set<LogCommitPoint>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
        const root = mkdtempSync(join(tmpdir(), 'tidings-crash-'));
        const crashing = await CrashingLog.open(root);
        const model = new Model(crashing);
        try {
          for (const next of steps) await model.take(next);
          await model.settle();
          await crashing.close();
          await assertInOrder(crashing.directory);
        } finally {
          for (const point of model.crashes) crashes.add(point);
          await crashing.close();
          rmSync(root, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
    // Each point has its own test below; here they come in any order and state.
    assert.ok(crashes.size >= 3, `only crashed at ${[...crashes].join(', ')}`);
  });

  for (const point of LOG_COMMIT_POINTS) {
    test(`SIGKILL at ${point}`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'tidings-kill-'));
      try {
        for (const passes of [0, 1, 3]) {
          const reported = await runChild(directory, { point, passes });
          assert.equal(reported.signal, 'SIGKILL');
          await assertSurvived(directory, reported.head);
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    });
  }

  test('SIGKILL at random moments: all that was flushed is there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidings-kill-'));
    try {
      for (let round = 0; round < 15; round++) {
        const reported = await runChild(directory, { after: 40 + Math.random() * 160 });
        await assertSurvived(directory, reported.head);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

/** The transaction that the child appends under this number. */
function planOf(number: number): Plan {
  const large = number % 29 === 0 ? 900 : 1 + (number % 13);
  // Every fifteenth has nothing but a mark.
  return { number, rows: number % 15 === 0 ? 0 : large, bytes: (number * 37) % 250 };
}

async function assertSurvived(directory: string, reported: number): Promise<void> {
  {
    await using log = await openSqliteLog({ directory, source: 'main', ...SIZES });
    const parts = readdirSync(directory).filter((name) => name.includes(PART_SUFFIX));
    assert.deepEqual(parts, [], 'what was not finished is gone');
    assert.ok(log.head >= reported, `${log.head} is below ${reported}, which was flushed`);
    const plans = Array.from({ length: lastNumber(log) }, (_, index) => planOf(index + 1));
    await compare(log, plans);
  }
  await assertInOrder(directory);
}

/** Runs {@link appendUntilKilled} in a process of its own. */
async function runChild(
  directory: string,
  kill: { readonly after?: number; readonly point?: LogCommitPoint; readonly passes?: number },
): Promise<{ readonly head: number; readonly signal: NodeJS.Signals | null }> {
  const args = [import.meta.filename, 'child', directory, kill.point ?? '', `${kill.passes ?? 0}`];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once('exit', (_code, signal) => resolve(signal));
  });
  let head = 0;
  let timer: NodeJS.Timeout | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    head = Number(line);
    if (kill.after !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), kill.after);
  }
  return { head, signal: await ended };
}

/** Appends and flushes, and says after each flush how far the log goes. */
async function appendUntilKilled(directory: string, point: string, passes: number): Promise<never> {
  let left = passes;
  await using log = await openSqliteLog({
    directory,
    source: 'main',
    ...SIZES,
    onCommitPoint: (passed) => {
      if (passed === point && left-- <= 0) process.kill(process.pid, 'SIGKILL');
    },
  });
  writeSync(1, `${log.head}\n`);
  for (let number = lastNumber(log) + 1; ; number++) {
    feed(log, planOf(number));
    if (number % 3 !== 0) continue;
    await log.writer.flush();
    writeSync(1, `${log.head}\n`);
    if (number % 50 === 0) await log.trim(log.head - 2000);
  }
}
