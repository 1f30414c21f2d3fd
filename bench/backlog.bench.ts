/**
 * Many changes that were committed while Tidings did not run → what its deliveries do while capture
 * catches up with them. Capture and deliveries share one thread; the floor is what the deliveries do
 * in the same run once everything is in the log. The receiver answers 204 at once.
 */
import { join } from 'node:path';
import type { ConfigInput } from '../src/config/define-config.ts';
import { sleep } from '../src/util/sleep.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import { type LastingChild, startChild } from './lib/lasting-child.ts';
import type { ReceiverAnswers } from './lib/receiver-child.ts';
import { type Benchmark, loadAverage, type Report } from './lib/report.ts';
import { BENCH_SECRET } from './lib/sign.ts';
import { CREATE_VERSIONED_ROWS } from './lib/versioned-rows.ts';
import type { WebhookServiceAnswers } from './lib/webhook-service-child.ts';

const CONCURRENCY = 64;
const PER_TRANSACTION = 100;
/** How long deliveries are counted after capture, milliseconds. */
const AFTER = 10_000;
const GOAL = 1 / 3;

/** Commits so many rows, in transactions of one size, at the server. */
const WRITE = `
  CREATE PROCEDURE bench.write(amount integer, size integer) LANGUAGE plpgsql AS $$
  BEGIN
    FOR at IN 0 .. amount - 1 BY size LOOP
      INSERT INTO bench.customers
      SELECT g, 1, 'Account holder ' || g, 'holder' || g || '@mail.example', (g % 100000) / 100.0,
        true, md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text), now()
      FROM generate_series(at, at + size - 1) g;
      COMMIT;
    END LOOP;
  END $$`;

export const benchmark: Benchmark = {
  description: 'deliveries while capture catches up with a backlog; floor: the same afterwards',
  async run({ smoke }) {
    const rows = smoke ? 5_000 : 3_000_000;
    await using database = await openBenchDatabase();
    await using receiver = startChild<ReceiverAnswers>('receiver-child.ts');
    const [port = 0] = await receiver.ask('listen', { ports: 1 });
    const config = configOf(database, `http://127.0.0.1:${port}/changes`);
    await database.client.query(CREATE_VERSIONED_ROWS);
    await database.client.query(WRITE);
    {
      await using first = startChild<WebhookServiceAnswers>('webhook-service-child.ts');
      await first.ask('start', config);
      await first.ask('stop');
    }
    await database.client.query(`CALL bench.write(${rows}, ${PER_TRANSACTION})`);
    await receiver.ask('begin', 'requests');
    const loadBefore = loadAverage();
    await using service = startChild<WebhookServiceAnswers>('webhook-service-child.ts');
    return report(rows, loadBefore, await measure({ service, receiver, config, rows, smoke }));
  },
};

interface Measured {
  /** Changes captured and delivered per second until everything was in the log. */
  readonly captured: number;
  readonly during: number;
  /** The least delivered in any second of that. */
  readonly slowest: number;
  /** Delivered per second afterwards. */
  readonly after: number;
  readonly peakMegabytes: number;
}

async function measure(stage: {
  readonly service: LastingChild<WebhookServiceAnswers>;
  readonly receiver: LastingChild<ReceiverAnswers>;
  readonly config: ConfigInput;
  readonly rows: number;
  readonly smoke: boolean;
}): Promise<Measured> {
  const { service, receiver, config, rows, smoke } = stage;
  await service.ask('begin', config);
  const started = performance.now();
  const perSecond: number[] = [];
  let last = { at: started, received: 0 };
  while ((await service.ask('head')) < rows) {
    await sleep(100);
    const now = performance.now();
    if (now - last.at < 1_000) continue;
    const received = await receiver.ask('received');
    perSecond.push(((received - last.received) * 1_000) / (now - last.at));
    last = { at: now, received };
  }
  const capturedAt = performance.now();
  const during = await receiver.ask('received');
  await sleep(smoke ? 200 : AFTER);
  const endedAt = performance.now();
  const all = await receiver.ask('received');
  const { peakMegabytes } = await service.ask('usage');
  const seconds = (capturedAt - started) / 1_000;
  return {
    captured: rows / seconds,
    during: during / seconds,
    slowest: Math.min(during / seconds, ...perSecond),
    after: ((all - during) * 1_000) / (endedAt - capturedAt),
    peakMegabytes,
  };
}

function configOf({ directory, url }: BenchDatabase, endpoint: string): ConfigInput {
  return {
    dataDir: join(directory, 'data'),
    sources: { main: { url, tables: ['bench.*'] } },
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

function report(rows: number, loadBefore: string, measured: Measured): Report {
  const { captured, during, slowest, after, peakMegabytes } = measured;
  const share = during / after;
  return {
    benchmark: 'backlog',
    load: `${rows.toLocaleString('en-GB')} rows of 200 bytes waiting, ${PER_TRANSACTION} per transaction, one webhook, maxConcurrency ${CONCURRENCY}`,
    notes: [`load average before ${loadBefore}, after ${loadAverage()}`],
    figures: [
      { name: 'captured while deliveries went on', value: captured, unit: 'changes/s' },
      { name: 'delivered meanwhile', value: during, unit: 'changes/s' },
      { name: '    in its slowest second', value: slowest, unit: 'changes/s' },
      { name: 'peak memory', value: peakMegabytes, unit: 'MB' },
    ],
    floor: [{ name: 'delivered after that', value: after, unit: 'changes/s' }],
    ratios: [
      {
        name: 'deliveries beside capture against afterwards',
        value: share,
        goal: 'at least 0.33',
        reached: share >= GOAL,
      },
    ],
  };
}
