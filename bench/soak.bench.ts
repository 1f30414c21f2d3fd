/**
 * A steady load for a quarter of an hour → what grows: memory, log, descriptors. Tidings runs as
 * `tidings start` runs it and is looked at from outside; each change goes to five webhooks, and the log
 * has a limit that is reached on the way. Floor: the same process before the load.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../src/util/sleep.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import { type LastingChild, startChild } from './lib/lasting-child.ts';
import {
  anonymousMegabytes,
  type ProcessSample,
  sampleProcess,
  slope,
} from './lib/process-samples.ts';
import type { ReceiverAnswers } from './lib/receiver-child.ts';
import { type Benchmark, loadAverage, percentile, type Report } from './lib/report.ts';
import { BENCH_SECRET } from './lib/sign.ts';
import { CREATE_SENT, insertSent, type Pace } from './lib/steady-sender.ts';

const RECEIVERS = 5;
/** Megabytes of anonymous memory that an idle service may keep after the load. */
const IDLE_GOAL = 200;
/** Of what grows, per hour: less than noise over a quarter of an hour. */
const SLOPE_GOAL = 60;

/** When the last change is given up, milliseconds. */
const PATIENCE = 900_000;

interface Amounts {
  readonly pace: Pace;
  /** How long memory may take to be given back once nothing comes any more, milliseconds. */
  readonly idle: number;
}

const FULL: Amounts = { pace: { perSecond: 800, count: 800 * 15 * 60 }, idle: 120_000 };
const SMOKE: Amounts = { pace: { perSecond: 100, count: 300 }, idle: 0 };

export const benchmark: Benchmark = {
  description: '15 minutes of 800 changes/s to five webhooks; slopes of memory, log, descriptors',
  async run({ smoke }) {
    const amounts = smoke ? SMOKE : FULL;
    await using database = await openBenchDatabase();
    await using receiver = startChild<ReceiverAnswers>('receiver-child.ts');
    const ports = await receiver.ask('listen', { ports: RECEIVERS });
    await database.client.query(CREATE_SENT);
    await using service = await startService(database, ports);
    await receiver.ask('begin', 'delays');
    const loadBefore = loadAverage();
    const before = anonymousMegabytes(service.pid);
    const stop = new AbortController();
    const sampling = sampleProcess(service.pid, service.logFolder, stop.signal);
    await insertSent(database.url, 1, amounts.pace);
    await receiveAll(receiver, amounts.pace.count);
    stop.abort();
    const samples = await sampling;
    const after = await settle(service.pid, amounts.idle);
    const delays = await receiver.ask('delays');
    return report({ amounts, before, samples, after, delays, loadBefore });
  },
};

interface Service extends AsyncDisposable {
  readonly pid: number;
  readonly logFolder: string;
}

async function startService(database: BenchDatabase, ports: readonly number[]): Promise<Service> {
  const directory = join(database.directory, 'soak');
  mkdirSync(directory);
  const config = join(directory, 'tidings.config.json');
  const subscriptions = Object.fromEntries(
    ports.map((port, at) => [
      `receiver-${at}`,
      {
        tables: ['bench.sent'],
        to: { webhook: { url: `http://127.0.0.1:${port}/${at}`, secret: BENCH_SECRET } },
      },
    ]),
  );
  const document = {
    dataDir: 'data',
    sources: { main: { url: database.url, tables: ['bench.*'] } },
    subscriptions,
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
    log: { segmentBytes: '8MB', retention: { maxBytes: '40MB' } },
  };
  writeFileSync(config, JSON.stringify(document));
  const main = join(import.meta.dirname, '../bin/tidings.mjs');
  const child = spawn(process.execPath, [main, 'start', '--json', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await untilStarted(child);
  return {
    pid: child.pid ?? 0,
    logFolder: join(directory, 'data', 'log'),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function untilStarted(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`tidings start ended with code ${String(code)}`);
  });
  ended.catch(() => undefined); // It ends at the end, as it should.
  const { stdout } = child;
  if (stdout === null) throw new Error('it has no output');
  await Promise.race([once(stdout, 'data'), ended]);
}

async function receiveAll(receiver: LastingChild<ReceiverAnswers>, rows: number): Promise<void> {
  const count = rows * RECEIVERS;
  // A busy machine may be behind by as much as the load has lasted.
  if (!(await receiver.ask('reached', { count, timeout: PATIENCE }))) {
    throw new Error(`${await receiver.ask('received')} of ${count} were received`);
  }
  const ids = await receiver.ask('idsByPath');
  for (const [path, different] of ids) {
    if (different !== rows) throw new Error(`${path} got ${different} of ${rows} changes`);
  }
}

/** The least memory within the time. */
async function settle(pid: number, patience: number): Promise<number> {
  const deadline = performance.now() + patience;
  let least = anonymousMegabytes(pid);
  while (performance.now() < deadline) {
    await sleep(1_000);
    least = Math.min(least, anonymousMegabytes(pid));
  }
  return least;
}

function report(results: {
  readonly amounts: Amounts;
  readonly before: number;
  readonly samples: readonly ProcessSample[];
  readonly after: number;
  readonly delays: Float64Array;
  readonly loadBefore: string;
}): Report {
  const { amounts, before, samples, after, delays, loadBefore } = results;
  const { perSecond, count } = amounts.pace;
  // The first half is for growing to what the load needs.
  const settled = samples.slice(Math.floor(samples.length / 2));
  const perHour = (value: (sample: ProcessSample) => number): number =>
    slope(settled, value) * 3_600;
  const memory = perHour(({ anonymous }) => anonymous);
  const log = perHour(({ folder }) => folder);
  const descriptors = perHour((sample) => sample.descriptors);
  const peak = Math.max(...samples.map(({ anonymous }) => anonymous));
  const last = samples.at(-1);
  return {
    benchmark: 'soak',
    load: `${perSecond} changes/s for ${Math.round(count / perSecond)} s to ${RECEIVERS} webhooks, log limited to 40 MB`,
    notes: [
      'anonymous memory, descriptors and log as the system shows them; slopes of the second half',
      'checked: every receiver got every change',
      `load average before ${loadBefore}, after ${loadAverage()}`,
    ],
    figures: [
      { name: 'memory under load, at its peak', value: peak, unit: 'MB' },
      { name: '    slope', value: memory, unit: 'MB/h' },
      { name: 'memory afterwards, idle', value: after, unit: 'MB' },
      { name: 'log at the end', value: last?.folder ?? Number.NaN, unit: 'MB' },
      { name: '    slope', value: log, unit: 'MB/h' },
      { name: 'descriptors at the end', value: last?.descriptors ?? Number.NaN, unit: '' },
      { name: '    slope', value: descriptors, unit: '1/h' },
      { name: 'delay, median', value: percentile([...delays], 0.5), unit: 'ms' },
      { name: 'delay, 99 %', value: percentile([...delays], 0.99), unit: 'ms' },
    ],
    floor: [{ name: 'memory before the load', value: before, unit: 'MB' }],
    ratios: [
      {
        name: 'idle memory afterwards against before',
        value: after / before,
        goal: `at most ${IDLE_GOAL} MB`,
        reached: after <= IDLE_GOAL,
      },
      {
        name: 'memory: growth per hour against its peak',
        value: memory / peak,
        goal: `at most ${SLOPE_GOAL} MB/h`,
        reached: memory <= SLOPE_GOAL,
      },
    ],
  };
}
