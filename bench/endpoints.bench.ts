/**
 * Many subscriptions, each with a URL of its own, on one table: how many deliveries a second, how
 * long from commit to receipt, and what an endpoint costs in memory. All URLs are answered by one
 * local process at once; it does not measure networks, TLS, or receivers that take their time.
 */
import { join } from 'node:path';
import type { ConfigInput } from '../src/config/define-config.ts';
import { measureInChild, type Usage } from './lib/child.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import {
  createEndpoints,
  type Endpoint,
  groupsOf,
  type Wanted,
  wantedBy,
} from './lib/endpoints.ts';
import { type LastingChild, startChild } from './lib/lasting-child.ts';
import type { PostEndpointsInput } from './lib/post-endpoints-child.ts';
import type { ReceiverAnswers } from './lib/receiver-child.ts';
import { type Benchmark, type Figure, loadAverage, percentile, type Report } from './lib/report.ts';
import { BENCH_SECRET } from './lib/sign.ts';
import { CREATE_SENT, insertSent } from './lib/steady-sender.ts';
import type { WebhookServiceAnswers } from './lib/webhook-service-child.ts';

const PER_SECOND = 100;
/** Several addresses to one host are one thing, several hosts another. */
const PORTS = 50;
/** Connections of the floor to each host. */
const FLOOR_CONNECTIONS = 64;
/** When the last receipt is given up, milliseconds. */
const TIMEOUT = 300_000;

interface Stage {
  readonly database: BenchDatabase;
  readonly receiver: LastingChild<ReceiverAnswers>;
  readonly ports: readonly number[];
}

/** One load. */
interface Scenario {
  /** Also the beginning of its subscriptions' names. */
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly wanted: Wanted;
  readonly perSecond: number;
  readonly changes: number;
}

interface Measured {
  readonly scenario: Scenario;
  /** From the first commit to the last receipt. */
  readonly deliveredPerSecond: number;
  /** Sorted milliseconds from commit to receipt. */
  readonly delays: Float64Array;
  /** The service's resident memory before and after the load. */
  readonly megabytesBefore: number;
  readonly megabytesAfter: number;
  readonly peakMegabytes: number;
  readonly cpuSeconds: number;
  readonly seconds: number;
}

export const benchmark: Benchmark = {
  description:
    '500 subscriptions to 500 URLs: deliveries/s, commit → receipt, memory; floor: posts',
  async run({ smoke }) {
    const count = smoke ? 10 : 500;
    const seconds = smoke ? 0.2 : 20;
    await using database = await openBenchDatabase();
    await using receiver = startChild<ReceiverAnswers>('receiver-child.ts');
    const ports = await receiver.ask('listen', { ports: PORTS });
    const stage: Stage = { database, receiver, ports };
    await database.client.query(CREATE_SENT);
    const scenario = (name: string, wanted: Wanted, hosts: number): Scenario => ({
      name,
      endpoints: createEndpoints(count, ports.slice(0, hosts)),
      wanted,
      perSecond: PER_SECOND,
      changes: PER_SECOND * seconds,
    });
    const loadBefore = loadAverage();
    const one = await measureTidings(stage, {
      ...scenario('alone', 'all', 1),
      endpoints: createEndpoints(1, ports),
    });
    const group = await measureBoth(stage, scenario('group', 'group', 1));
    const hosts = await measureBoth(stage, scenario('hosts', 'group', PORTS));
    // Everybody wants everything: more than one machine delivers, so it runs for a shorter time.
    const all = await measureBoth(stage, {
      ...scenario('all', 'all', PORTS),
      changes: PER_SECOND * Math.min(5, seconds),
    });
    const half = Math.max(1, Math.floor(all.tidings.deliveredPerSecond / 2 / count));
    const halfLoad = await measureBoth(stage, {
      ...scenario('half', 'all', PORTS),
      perSecond: half,
      changes: Math.ceil(half * seconds),
    });
    return report({ count, loadBefore, one, group, hosts, all, half: halfLoad });
  },
};

interface Both {
  readonly tidings: Measured;
  readonly floor: Pick<Measured, 'delays' | 'deliveredPerSecond'>;
}

async function measureBoth(stage: Stage, scenario: Scenario): Promise<Both> {
  const tidings = await measureTidings(stage, scenario);
  return { tidings, floor: await measureFloor(stage, scenario) };
}

async function measureTidings(stage: Stage, scenario: Scenario): Promise<Measured> {
  const { receiver, database } = stage;
  await using service = startChild<WebhookServiceAnswers>('webhook-service-child.ts');
  await service.ask('start', configOf(stage, scenario));
  await receiver.ask('begin', 'delays');
  const before = await service.ask('usage');
  const { perSecond, changes: count, endpoints } = scenario;
  const started = performance.timeOrigin + performance.now();
  await insertSent(database.url, groupsOf(endpoints.length), { perSecond, count });
  await reachAll(receiver, scenario);
  const after = await service.ask('usage');
  await service.ask('stop');
  const { times } = await receiver.ask('times');
  const seconds = ((times.at(-1) ?? Number.NaN) - started) / 1000;
  return {
    scenario,
    deliveredPerSecond: times.length / seconds,
    delays: await receiver.ask('delays'),
    megabytesBefore: before.megabytes,
    megabytesAfter: after.megabytes,
    peakMegabytes: after.peakMegabytes,
    cpuSeconds: after.cpuSeconds,
    seconds,
  };
}

function configOf({ database }: Stage, { name, endpoints, wanted }: Scenario): ConfigInput {
  const subscriptions = endpoints.map(({ url, group }, index) => [
    `${name}-${index}`,
    {
      source: 'main',
      tables: ['bench.sent'],
      ...(wanted === 'group' ? { where: `after.of_group == ${group}` } : {}),
      to: { webhook: { url, secret: BENCH_SECRET } },
    },
  ]);
  return {
    dataDir: join(database.directory, 'data'),
    sources: { main: { url: database.url, tables: ['bench.*'] } },
    subscriptions: Object.fromEntries(subscriptions) as ConfigInput['subscriptions'] & {},
    webhooks: { allowAddresses: ['127.0.0.0/8'] },
  };
}

async function measureFloor(stage: Stage, scenario: Scenario): Promise<Both['floor']> {
  const { receiver } = stage;
  const { endpoints, wanted, changes } = scenario;
  const post = async (perSecond: number | null): Promise<number> => {
    await receiver.ask('begin', 'delays');
    const { seconds } = await measureInChild<PostEndpointsInput, Usage>('post-endpoints-child.ts', {
      endpoints,
      wanted,
      changes,
      perSecond,
      secret: BENCH_SECRET,
      connections: FLOOR_CONNECTIONS,
    });
    await reachAll(receiver, scenario);
    return seconds;
  };
  const seconds = await post(null);
  const deliveredPerSecond = (await receiver.ask('received')) / seconds;
  await post(scenario.perSecond);
  return { deliveredPerSecond, delays: await receiver.ask('delays') };
}

/** Waits until every endpoint has what it wants, and each of it once. */
async function reachAll(receiver: Stage['receiver'], scenario: Scenario): Promise<void> {
  const { endpoints, wanted, changes } = scenario;
  const expected = new Map<string, number>();
  for (let change = 0; change < changes; change++) {
    for (const { url } of wantedBy(endpoints, wanted, change)) {
      const path = new URL(url).pathname;
      expected.set(path, (expected.get(path) ?? 0) + 1);
    }
  }
  const count = [...expected.values()].reduce((sum, wanted) => sum + wanted, 0);
  await receiver.ask('reached', { count, timeout: TIMEOUT });
  const received = await receiver.ask('received');
  const got = await receiver.ask('idsByPath');
  const wrong = [...expected].filter(([path, wanted]) => got.get(path) !== wanted);
  if (received !== count || wrong.length > 0) {
    throw new Error(
      `${received} of ${count} were received; ${wrong.length} endpoints have other changes than wanted`,
    );
  }
}

function report(results: {
  readonly count: number;
  readonly loadBefore: string;
  readonly one: Measured;
  readonly group: Both;
  readonly hosts: Both;
  readonly all: Both;
  readonly half: Both;
}): Report {
  const { count, one, group, hosts, all, half } = results;
  const perEndpoint = (megabytes: number, alone: number): number =>
    ((megabytes - alone) * 1000) / (count - 1);
  const named: readonly (readonly [string, Both])[] = [
    [`each wanted by ${count / groupsOf(count)}, one host`, group],
    [`each wanted by ${count / groupsOf(count)}, ${PORTS} hosts`, hosts],
    [`each wanted by all, ${half.tidings.scenario.perSecond} changes/s`, half],
    ['each wanted by all (overload)', all],
  ];
  const share = all.tidings.deliveredPerSecond / all.floor.deliveredPerSecond;
  const tail = percentile99(group.tidings.delays) / percentile99(group.floor.delays);
  return {
    benchmark: 'endpoints',
    load: `${count} subscriptions to ${count} URLs on one table, ${PER_SECOND} changes/s unless noted, one per transaction`,
    notes: [
      'from just before the statement is sent to the receipt, so the commit is included',
      'checked: every endpoint got every change that it wants, each once',
      'overload: more than the machine delivers, so its delays are those of a backlog',
      `load average before ${results.loadBefore}, after ${loadAverage()}`,
      `memory per endpoint: resident memory with ${count} endpoints less that with one`,
    ],
    figures: [
      ...named.flatMap(([name, both]) => measuredFigures(name, both.tidings)),
      { name: 'memory with one endpoint', value: one.megabytesBefore, unit: 'MB' },
      {
        name: `memory with ${count}, before any change`,
        value: group.tidings.megabytesBefore,
        unit: 'MB',
      },
      {
        name: '    per endpoint, before any change',
        value: perEndpoint(group.tidings.megabytesBefore, one.megabytesBefore),
        unit: 'kB',
      },
      {
        name: '    per endpoint, after its first deliveries',
        value: perEndpoint(hosts.tidings.megabytesAfter, one.megabytesAfter),
        unit: 'kB',
      },
    ],
    floor: named.flatMap(([name, { floor }]) => [
      { name: `${name}: bare posts`, value: floor.deliveredPerSecond, unit: 'posts/s' },
      ...delayFigures(floor.delays),
    ]),
    ratios: [
      {
        name: 'overload: deliveries/s against bare posts/s',
        value: share,
        goal: 'none stated',
        reached: true,
      },
      {
        name: 'few want it: p99 against bare posts',
        value: tail,
        goal: 'none stated',
        reached: true,
      },
    ],
  };
}

function measuredFigures(name: string, measured: Measured): Figure[] {
  return [
    { name, value: measured.deliveredPerSecond, unit: 'deliveries/s' },
    ...delayFigures(measured.delays),
    {
      name: '    own CPU of one core',
      value: (measured.cpuSeconds / measured.seconds) * 100,
      unit: '%',
    },
    { name: '    peak memory', value: measured.peakMegabytes, unit: 'MB' },
  ];
}

const percentile99 = (delays: Float64Array): number => percentile([...delays], 0.99);

function delayFigures(delays: Float64Array): Figure[] {
  const sorted = [...delays];
  return [
    { name: '    p50', value: percentile(sorted, 0.5), unit: 'ms' },
    { name: '    p99', value: percentile(sorted, 0.99), unit: 'ms' },
  ];
}
