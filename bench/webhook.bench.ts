/**
 * Committed rows → posted to one webhook receiver that answers 204 at once. Everything is durable:
 * the database, the log, the cursor. It does not measure networks, TLS, or receivers that take their
 * time; the receiver, the database and Tidings share the machine.
 */
import { join } from 'node:path';
import type { ConfigInput } from '../src/config/define-config.ts';
import { sleep } from '../src/util/sleep.ts';
import { measureInChild, type Usage } from './lib/child.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import { type LastingChild, startChild } from './lib/lasting-child.ts';
import type { PeerAnswers } from './lib/peer-child.ts';
import { type Peer, PEERS, peersInstalled } from './lib/peers.ts';
import type { PostFloorInput } from './lib/post-floor-child.ts';
import { checkReceipts } from './lib/receipts.ts';
import type { ReceiverAnswers } from './lib/receiver-child.ts';
import { type Benchmark, type Figure, loadAverage, type Report } from './lib/report.ts';
import { BENCH_SECRET } from './lib/sign.ts';
import {
  CREATE_VERSIONED_ROWS,
  readTruth,
  type RowRange,
  sampleBody,
  writeChanges,
} from './lib/versioned-rows.ts';
import type { WebhookServiceAnswers } from './lib/webhook-service-child.ts';

/** Attempts under way at once, for Tidings, the floor and the peers alike. */
const CONCURRENCY = 64;
const PER_TRANSACTION = 100;
/** When the last receipt is given up, milliseconds. */
const TIMEOUT = 300_000;

interface Amounts {
  /** Rows; each is inserted and updated once, so there are twice as many changes. */
  readonly rows: number;
  /** Runs of Tidings; before the first and after each is a run of the floor. */
  readonly runs: number;
  readonly floorPosts: number;
  readonly peerRows: number;
}

const FULL: Amounts = { rows: 100_000, runs: 2, floorPosts: 200_000, peerRows: 20_000 };
const SMOKE: Amounts = { rows: 500, runs: 1, floorPosts: 1_000, peerRows: 500 };

/** What takes part in every run. */
interface Stage {
  readonly database: BenchDatabase;
  readonly receiver: LastingChild<ReceiverAnswers>;
  readonly endpoint: string;
}

export const benchmark: Benchmark = {
  description: 'committed rows → one webhook receiver, changes/s; floor: bare undici posts',
  async run({ smoke }) {
    const amounts = smoke ? SMOKE : FULL;
    await using database = await openBenchDatabase();
    await using receiver = startChild<ReceiverAnswers>('receiver-child.ts');
    const [port = 0] = await receiver.ask('listen', { ports: 1 });
    const stage: Stage = { database, receiver, endpoint: `http://127.0.0.1:${port}/changes` };
    await database.client.query(CREATE_VERSIONED_ROWS);
    const body = await sampleBody(database.client);
    let last = 0;
    const numbers = (rows: number): RowRange => ({ first: last + 1, last: (last += rows) });
    const loadBefore = loadAverage();
    // In turns, because the machine is not equally busy all the time.
    const floors = [await measureFloor(stage, body, amounts.floorPosts)];
    const runs: Run[] = [];
    for (let run = 0; run < amounts.runs; run++) {
      runs.push(await measureTidings(stage, numbers(amounts.rows)));
      floors.push(await measureFloor(stage, body, amounts.floorPosts));
    }
    const peers = new Map<Peer, Pace>();
    for (const peer of peersInstalled() ? PEERS : []) {
      peers.set(peer, await measurePeer(stage, peer, numbers(amounts.peerRows)));
    }
    return report({
      changes: amounts.rows * 2,
      peerRows: amounts.peerRows,
      floorBodyBytes: Buffer.byteLength(body),
      loadBefore,
      floors,
      runs,
      peers,
    });
  },
};

/** How fast requests came. */
interface Pace {
  /** From the first commit to the last receipt. */
  readonly rate: number;
  /** Between the receipts of the first and the last fifth: without start and end. */
  readonly steady: number;
  readonly bodyBytes: number;
}

interface Run extends Pace {
  /** Own CPU, seconds per million changes. */
  readonly cpuPerMillion: number;
  readonly peakMegabytes: number;
  /** From the first commit until everything was in the log, changes/s. */
  readonly captured: number;
}

interface Floor {
  readonly rate: number;
  /** Own CPU, seconds per million posts. */
  readonly cpuPerMillion: number;
}

async function measureFloor(stage: Stage, body: string, posts: number): Promise<Floor> {
  await stage.receiver.ask('begin', 'requests');
  const usage = await measureInChild<PostFloorInput, Usage>('post-floor-child.ts', {
    url: stage.endpoint,
    secret: BENCH_SECRET,
    concurrency: CONCURRENCY,
    body,
    posts,
  });
  const received = await stage.receiver.ask('received');
  if (received !== posts) throw new Error(`${received} of ${posts} bare posts were received`);
  return { rate: posts / usage.seconds, cpuPerMillion: (usage.cpuSeconds * 1e6) / posts };
}

async function measureTidings(stage: Stage, range: RowRange): Promise<Run> {
  const { client } = stage.database;
  const changes = 2 * (range.last - range.first + 1);
  await using service = startChild<WebhookServiceAnswers>('webhook-service-child.ts');
  await service.ask('start', configOf(stage));
  await stage.receiver.ask('begin', 'requests');
  const before = await service.ask('head');
  await service.ask('usage');
  const started = now();
  const captured = reachHead(service, before + changes);
  await writeChanges(client, { ...range, perTransaction: PER_TRANSACTION });
  const capturedAt = await captured;
  await reachReceived(stage.receiver, changes);
  const usage = await service.ask('usage');
  const left = await service.ask('failures');
  await service.ask('stop');
  if (left.retrying + left.parked > 0) throw new Error(`failures: ${JSON.stringify(left)}`);
  checkReceipts(
    await stage.receiver.ask('receipts', { secret: BENCH_SECRET }),
    await readTruth(client, range),
  );
  return {
    ...(await paceOf(stage.receiver, started)),
    cpuPerMillion: (usage.cpuSeconds * 1e6) / changes,
    peakMegabytes: usage.peakMegabytes,
    captured: changes / ((capturedAt - started) / 1000),
  };
}

function configOf({ database, endpoint }: Stage): ConfigInput {
  return {
    dataDir: join(database.directory, 'data'),
    sources: { main: { url: database.url, tables: ['bench.*'] } },
    subscriptions: {
      webhook: {
        source: 'main',
        tables: ['bench.customers'],
        to: { webhook: { url: endpoint, secret: BENCH_SECRET } },
        delivery: { maxConcurrency: CONCURRENCY },
      },
    },
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
  };
}

async function reachHead(
  service: LastingChild<WebhookServiceAnswers>,
  head: number,
): Promise<number> {
  while ((await service.ask('head')) < head) await sleep(50);
  return now();
}

async function reachReceived(receiver: Stage['receiver'], count: number): Promise<void> {
  if (await receiver.ask('reached', { count, timeout: TIMEOUT })) return;
  const received = await receiver.ask('received');
  throw new Error(`${received} of ${count} were received within ${TIMEOUT / 1000} s`);
}

async function paceOf(receiver: Stage['receiver'], started: number): Promise<Pace> {
  const { times, bodyBytes } = await receiver.ask('times');
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? Number.NaN;
  return {
    rate: times.length / ((at(1) - started) / 1000),
    steady: (times.length * 0.6) / ((at(0.8) - at(0.2)) / 1000),
    bodyBytes,
  };
}

async function measurePeer(stage: Stage, peer: Peer, range: RowRange): Promise<Pace> {
  const { url } = stage.database;
  const rows = range.last - range.first + 1;
  await using writer = startChild<PeerAnswers>('peer-child.ts');
  await using worker = startChild<PeerAnswers>('peer-child.ts');
  await writer.ask('prepare', { peer, url });
  await worker.ask('work', {
    peer,
    url,
    endpoint: stage.endpoint,
    secret: BENCH_SECRET,
    concurrency: CONCURRENCY,
  });
  await stage.receiver.ask('begin', 'requests');
  const started = now();
  await writer.ask('write', { url, ...range, perTransaction: PER_TRANSACTION });
  await reachReceived(stage.receiver, rows);
  return await paceOf(stage.receiver, started);
}

const now = (): number => performance.timeOrigin + performance.now();

/** A run against the mean of the floors just before and after it. */
function ratioOf(runs: readonly Run[], floors: readonly Floor[], run: number): number {
  const beside = ((floors[run]?.rate ?? Number.NaN) + (floors[run + 1]?.rate ?? Number.NaN)) / 2;
  return (runs[run]?.rate ?? Number.NaN) / beside;
}

function report(results: {
  readonly changes: number;
  readonly loadBefore: string;
  readonly floors: readonly Floor[];
  readonly floorBodyBytes: number;
  readonly runs: readonly Run[];
  readonly peers: ReadonlyMap<Peer, Pace>;
  readonly peerRows: number;
}): Report {
  const { changes, floors, runs, peers } = results;
  const ratios = runs.map((_, run) => ratioOf(runs, floors, run));
  const ratio = ratios.reduce((sum, one) => sum + one, 0) / ratios.length;
  const leastCpu = (all: readonly { readonly cpuPerMillion: number }[]): number =>
    Math.min(...all.map(({ cpuPerMillion }) => cpuPerMillion));
  return {
    benchmark: 'webhook',
    load: `${changes.toLocaleString('en-GB')} changes of 200-byte rows (half inserts, half updates), ${PER_TRANSACTION} per transaction, maxConcurrency ${CONCURRENCY}`,
    notes: [
      'from the first commit to the last receipt; steady: between the first and the last fifth',
      'checked: every version of every row once, in order, signed, as the table says',
      `bodies of ${Math.round(runs[0]?.bodyBytes ?? 0)} bytes on average, the floor's ${results.floorBodyBytes}`,
      'floor and Tidings in turns; the ratio is the mean of each run against the floors beside it',
      `load average before ${results.loadBefore}, after ${loadAverage()}`,
      peers.size === 0
        ? 'pg-boss and graphile-worker are not installed: npm ci in bench/peers'
        : `pg-boss and graphile-worker: ${results.peerRows.toLocaleString('en-GB')} rows, a job for each in the row's transaction, the same posts`,
    ],
    figures: [
      ...runs.flatMap((run, index) =>
        runFigures(run, runs.length > 1 ? ` (run ${index + 1})` : ''),
      ),
      ...[...peers].flatMap(([peer, pace]) => paceFigures(`for scale: ${peer}`, pace)),
    ],
    floor: floors.flatMap(({ rate, cpuPerMillion }, index) => [
      { name: `bare undici posts, run ${index + 1}`, value: rate, unit: 'posts/s' },
      { name: '    own CPU per million posts', value: cpuPerMillion, unit: 's' },
    ]),
    ratios: [
      {
        name: 'changes/s against the floor',
        value: ratio,
        goal: 'at least 0.4',
        reached: ratio >= 0.4,
      },
      {
        name: 'own CPU per change against that of a bare post',
        value: leastCpu(runs) / leastCpu(floors),
        goal: 'none stated',
        reached: true,
      },
    ],
  };
}

function runFigures(run: Run, which: string): Figure[] {
  return [
    ...paceFigures(`committed → received${which}`, run),
    { name: '    captured by then at', value: run.captured, unit: 'changes/s' },
    { name: '    own CPU per million changes', value: run.cpuPerMillion, unit: 's' },
    { name: '    peak memory', value: run.peakMegabytes, unit: 'MB' },
  ];
}

function paceFigures(name: string, pace: Pace): Figure[] {
  return [
    { name, value: pace.rate, unit: 'changes/s' },
    { name: '    steady', value: pace.steady, unit: 'changes/s' },
  ];
}
