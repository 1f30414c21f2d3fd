/**
 * One transaction of 5,000,000 rows, captured while a second process keeps reading the log. It does
 * not measure delivery of the transaction.
 */
import { join } from 'node:path';
import { openInspection } from '../src/app/inspection/inspect.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { sleep } from '../src/util/sleep.ts';
import { CREATE_ACCOUNTS, insertAccounts, walPosition } from './lib/accounts.ts';
import type { CaptureInput, CaptureOutput } from './lib/capture-child.ts';
import { measureInChild } from './lib/child.ts';
import { openBenchDatabase } from './lib/database.ts';
import type { Benchmark } from './lib/report.ts';
import { drainSlot } from './lib/walsender-floor.ts';

export const benchmark: Benchmark = {
  description: 'one transaction of 5,000,000 rows: peak memory, and no reader sees a part of it',
  async run({ smoke }) {
    const rows = smoke ? 30_000 : 5_000_000;
    await using database = await openBenchDatabase();
    const { client, url, directory } = database;
    await client.query(CREATE_ACCOUNTS);
    const dataDir = join(directory, 'data');
    await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
      url,
      dataDir,
      records: null,
    });
    await client.query(`SELECT pg_create_logical_replication_slot('floor', 'pgoutput')`);
    await insertAccounts(client, { first: 1, last: rows, perTransaction: rows });
    const until = await walPosition(client);
    await client.query(`DELETE FROM bench.accounts WHERE id = 1`);

    const floor = await drainSlot({
      url,
      slot: 'floor',
      publications: ['tidings_main', 'tidings_main_insert_only'],
      until,
    });
    const stop = new AbortController();
    const watching = watchHead({ url, dataDir, signal: stop.signal });
    const capture = await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
      url,
      dataDir,
      records: rows + 1,
    });
    stop.abort();
    const seen = await watching;
    const partial = seen.heads.filter((head) => head > 0 && head < rows);
    const rate = rows / capture.seconds;
    return {
      benchmark: 'transaction',
      load: `one transaction of ${rows.toLocaleString('en-GB')} inserted rows of 200 bytes`,
      notes: [`a second process looked at the log ${seen.looks} times meanwhile`],
      figures: [
        { name: 'capture, slot to durable log', value: rate, unit: 'rows/s' },
        { name: 'peak memory', value: capture.peakMegabytes, unit: 'MB' },
        { name: 'looks that saw a part of it', value: partial.length + seen.strays, unit: '' },
      ],
      floor: [{ name: 'bare walsender', value: rows / floor.seconds, unit: 'rows/s' }],
      ratios: [
        {
          name: 'rows/s against the floor',
          value: (rate * floor.seconds) / rows,
          goal: 'none stated',
          reached: true,
        },
        {
          name: 'peak MB',
          value: capture.peakMegabytes,
          goal: 'under 300',
          reached: capture.peakMegabytes < 300,
        },
        {
          name: 'partial sights',
          value: partial.length + seen.strays,
          goal: '0',
          reached: partial.length + seen.strays === 0,
        },
      ],
    };
  },
};

/** Looks at the log from this process, as `tidings tail` would, until the signal aborts. */
async function watchHead(options: {
  readonly url: string;
  readonly dataDir: string;
  readonly signal: AbortSignal;
}): Promise<{
  readonly looks: number;
  readonly heads: readonly number[];
  readonly strays: number;
}> {
  const config = defineConfig({
    dataDir: options.dataDir,
    sources: { main: { url: options.url, tables: ['bench.*'] } },
  });
  const heads = new Set<number>();
  let looks = 0;
  let strays = 0;
  while (!options.signal.aborted) {
    await using inspection = await openInspection(config);
    const status = await inspection.status(AbortSignal.timeout(60_000));
    const head = status.sources[0]?.log.head ?? 0;
    heads.add(head);
    if (head === 0) {
      const signal = AbortSignal.timeout(60_000);
      for await (const _ of inspection.changes(
        { from: 'floor', limit: 1, follow: false },
        signal,
      )) {
        const now = (await inspection.status(signal)).sources[0]?.log.head ?? 0;
        if (now === 0) strays += 1;
      }
    }
    looks += 1;
    await sleep(100, options.signal);
  }
  return { looks, heads: [...heads], strays };
}
