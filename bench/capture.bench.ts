/**
 * What waits in the slot → durable in the log. It does not measure delivery, and not the database's
 * own work of writing: everything waits in the WAL before the clock starts.
 */
import { join } from 'node:path';
import { CREATE_ACCOUNTS, insertAccounts, updateAccounts, walPosition } from './lib/accounts.ts';
import type { CaptureInput, CaptureOutput } from './lib/capture-child.ts';
import { measureInChild } from './lib/child.ts';
import { openBenchDatabase } from './lib/database.ts';
import type { Benchmark } from './lib/report.ts';
import { drainSlot } from './lib/walsender-floor.ts';

/** Changes per transaction of the load: a batch job's size. */
const PER_TRANSACTION = 1_000;

export const benchmark: Benchmark = {
  description: '1,000,000 changes that wait in the slot, durable in the log; floor: bare walsender',
  async run({ smoke }) {
    const rows = smoke ? 2_000 : 500_000;
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
    await insertAccounts(client, { first: 1, last: rows, perTransaction: PER_TRANSACTION });
    await updateAccounts(client, { first: 1, last: rows, perTransaction: PER_TRANSACTION });
    const until = await walPosition(client);
    await client.query(`INSERT INTO bench.accounts SELECT -1, '', '', 0, true, '', now()`);
    await client.query('CHECKPOINT');

    const changes = rows * 2 + 1;
    // The floor is read twice, before and after: the better run counts.
    const before = await drainFloor(url, until);
    const capture = await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
      url,
      dataDir,
      records: changes,
    });
    const after = await drainFloor(url, until);
    const floor = changes / Math.min(before, after);
    const rate = changes / capture.seconds;
    const millions = changes / 1e6;
    return {
      benchmark: 'capture',
      load: `${changes.toLocaleString('en-GB')} changes of 200-byte rows (half inserts, half updates, replica identity full), ${PER_TRANSACTION} per transaction`,
      notes: [
        'wall time of the capture includes opening the log, connecting and starting the stream',
        'server, floor and capture share the machine; the walsender is a process of its own',
      ],
      figures: [
        { name: 'capture, slot to durable log', value: rate, unit: 'rows/s' },
        { name: 'own CPU per million changes', value: capture.cpuSeconds / millions, unit: 's' },
        { name: 'peak memory', value: capture.peakMegabytes, unit: 'MB' },
      ],
      floor: [
        { name: 'bare walsender, first run', value: changes / before, unit: 'rows/s' },
        { name: 'bare walsender, second run', value: changes / after, unit: 'rows/s' },
      ],
      ratios: [
        {
          name: 'rows/s against the better floor',
          value: rate / floor,
          goal: '1.0',
          reached: rate / floor >= 0.995,
        },
        {
          name: 'own CPU seconds per million',
          value: capture.cpuSeconds / millions,
          goal: 'under 4',
          reached: capture.cpuSeconds / millions < 4,
        },
        {
          name: 'peak MB',
          value: capture.peakMegabytes,
          goal: 'under 250',
          reached: capture.peakMegabytes < 250,
        },
      ],
    };
  },
};

async function drainFloor(url: string, until: bigint): Promise<number> {
  const { seconds } = await drainSlot({
    url,
    slot: 'floor',
    publications: ['tidings_main', 'tidings_main_insert_only'],
    until,
  });
  return seconds;
}
