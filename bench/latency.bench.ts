/**
 * Commit → handler called, at a steady 1,000 transactions of one row per second. The clock starts
 * just before the statement is sent, for Tidings and for the floor alike, so both include the commit
 * itself. It says nothing about bursts or about a handler that does work.
 */
import { join } from 'node:path';
import pg from 'pg';
import { sleep } from '../src/util/sleep.ts';
import { measureInChild } from './lib/child.ts';
import { openBenchDatabase } from './lib/database.ts';
import type { LatencyInput, LatencyOutput } from './lib/latency-child.ts';
import { type Benchmark, type Figure, percentile } from './lib/report.ts';

const CONNECTIONS = 4;
const PER_SECOND = 1_000;

export const benchmark: Benchmark = {
  description: 'commit → handler at 1,000 changes/s: p50, p99, p99.9; floor: LISTEN/NOTIFY',
  async run({ smoke }) {
    const seconds = smoke ? 1 : 30;
    await using database = await openBenchDatabase();
    await database.client.query(`
      CREATE SCHEMA bench;
      CREATE TABLE bench.sent (id bigserial PRIMARY KEY, sent_at double precision NOT NULL);
      CREATE TABLE bench.ready (id bigserial PRIMARY KEY);`);
    const floor = await measure(database, 'listen', seconds);
    const tidings = await measure(database, 'tidings', seconds);
    const ratio = (share: number): number => percentile(tidings, share) / percentile(floor, share);
    return {
      benchmark: 'latency',
      load: `${PER_SECOND} transactions of one row per second for ${seconds} s over ${CONNECTIONS} connections`,
      notes: ['from just before the statement is sent until the handler (or listener) is called'],
      figures: figures('commit → handler', tidings),
      floor: figures('LISTEN/NOTIFY', floor),
      ratios: [
        { name: 'p50 against the floor', value: ratio(0.5), goal: 'none stated', reached: true },
        {
          name: 'p99 against the floor',
          value: ratio(0.99),
          goal: 'at most 3',
          reached: ratio(0.99) <= 3,
        },
        {
          name: 'p99.9 against the floor',
          value: ratio(0.999),
          goal: 'none stated',
          reached: true,
        },
      ],
    };
  },
};

function figures(name: string, delays: readonly number[]): Figure[] {
  return (
    [
      ['p50', 0.5],
      ['p99', 0.99],
      ['p99.9', 0.999],
    ] as const
  ).map(([label, share]) => ({
    name: `${name}, ${label}`,
    value: percentile(delays, share),
    unit: 'ms',
  }));
}

async function measure(
  database: { readonly url: string; readonly client: pg.Client; readonly directory: string },
  how: LatencyInput['how'],
  seconds: number,
): Promise<readonly number[]> {
  const expected = seconds * PER_SECOND;
  await database.client.query('TRUNCATE bench.ready');
  const dataDir = join(database.directory, 'data');
  const delays = measureInChild<LatencyInput, LatencyOutput>('latency-child.ts', {
    how,
    url: database.url,
    dataDir,
    expected,
  });
  while ((await database.client.query('SELECT FROM bench.ready')).rowCount === 0) await sleep(20);
  await send(database.url, how, expected);
  return [...(await delays)].sort((a, b) => a - b);
}

/** Sends at a steady pace, whatever the answers take; the due time, not the last answer, decides. */
async function send(url: string, how: LatencyInput['how'], count: number): Promise<void> {
  const statement =
    how === 'listen'
      ? `WITH sent AS (INSERT INTO bench.sent (sent_at) VALUES ($1) RETURNING sent_at)
         SELECT pg_notify('bench', sent_at::text) FROM sent`
      : `INSERT INTO bench.sent (sent_at) VALUES ($1)`;
  const started = performance.now();
  const senders = Array.from({ length: CONNECTIONS }, async (_, lane) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (let index = lane; index < count; index += CONNECTIONS) {
      const wait = started + (index * 1000) / PER_SECOND - performance.now();
      if (wait > 0) await sleep(wait);
      await client.query({
        name: 'send',
        text: statement,
        values: [performance.timeOrigin + performance.now()],
      });
    }
    await client.end();
  });
  await Promise.all(senders);
}
