/**
 * A committed DELETE, planned and put back by `tidings undo`, beside COPY of the same rows from a file
 * on the server. It does not measure capturing the undo: nothing captures while either runs.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { CREATE_ACCOUNTS, insertAccounts } from './lib/accounts.ts';
import type { CaptureInput, CaptureOutput } from './lib/capture-child.ts';
import { measureInChild } from './lib/child.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import { makeLargeLog } from './lib/large-log.ts';
import type { Benchmark } from './lib/report.ts';
import type { UndoInput, UndoOutput } from './lib/undo-child.ts';

const GOAL = 0.4;

export const benchmark: Benchmark = {
  description: 'a DELETE of 500,000 rows undone, beside COPY of the same rows into the empty table',
  async run({ smoke }) {
    const rows = smoke ? 5_000 : 500_000;
    const logged = smoke ? 20_000 : 5_000_000;
    await using database = await openBenchDatabase();
    const { client, url, directory } = database;
    const { dataDir, transaction, file } = await prepare(database, rows);
    const input = { url, dataDir, transaction };
    let undo: UndoOutput | null = null;
    let floor = Number.POSITIVE_INFINITY;
    // In turns, and the better of two counts on both sides: the first of all makes new WAL files.
    for (let round = 0; round < 2; round++) {
      const run = await measureInChild<UndoInput, UndoOutput>('undo-child.ts', {
        ...input,
        what: 'run',
      });
      if (undo === null || run.seconds < undo.seconds) undo = run;
      floor = Math.min(floor, await copyFrom(client, file));
      await compare(client);
      await client.query('TRUNCATE bench.accounts; CHECKPOINT');
    }
    if (undo === null) throw new Error('Nothing was measured');
    const apart = await measureInChild<UndoInput, UndoOutput>('undo-child.ts', {
      ...input,
      what: 'plan, then apply',
    });
    await compare(client);
    const small = await planSmall(database, logged, join(directory, 'large'));
    const rate = rows / undo.seconds;
    const ratio = (floor * rate) / rows;
    const mib = undo.peakMegabytes;
    return {
      benchmark: 'undo',
      load: `one DELETE of ${rows.toLocaleString('en-GB')} rows of 200 bytes, one index (primary key)`,
      notes: [
        'the table is compared afterwards, row by row, with what COPY made',
        'planned and applied in one go, as `tidings undo --apply` does',
      ],
      figures: [
        { name: 'plan and apply', value: rate, unit: 'rows/s' },
        {
          name: 'a plan, then apply (everything twice)',
          value: rows / apart.seconds,
          unit: 'rows/s',
        },
        { name: 'its own CPU', value: (undo.cpuSeconds / rows) * 1e6, unit: 's per million rows' },
        { name: 'peak memory', value: mib, unit: 'MB' },
        {
          name: `plan of 159 rows in a log of ${logged.toLocaleString('en-GB')}`,
          value: small.seconds,
          unit: 's',
        },
      ],
      floor: [{ name: 'COPY from a file', value: rows / floor, unit: 'rows/s' }],
      ratios: [
        { name: 'rows/s against the floor', value: ratio, goal: `${GOAL}`, reached: ratio >= GOAL },
        { name: 'peak MB', value: mib, goal: 'under 300', reached: mib < 300 },
        {
          name: 'seconds to plan 159 rows',
          value: small.seconds,
          goal: 'under 1',
          reached: small.seconds < 1 && small.rows === 159,
        },
      ],
    };
  },
};

/** Captures the delete of all rows, and keeps them in a file that the server can read. */
async function prepare(
  { client, url, directory }: BenchDatabase,
  rows: number,
): Promise<{ readonly dataDir: string; readonly transaction: string; readonly file: string }> {
  const dataDir = join(directory, 'data');
  await client.query(CREATE_ACCOUNTS);
  await insertAccounts(client, { first: 1, last: rows, perTransaction: rows });
  const open = join(directory, 'open');
  mkdirSync(open);
  chmodSync(directory, 0o711);
  chmodSync(open, 0o777);
  const file = join(open, 'rows');
  await client.query(`COPY bench.accounts TO '${file}'`);
  const capture = { url, dataDir };
  await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
    ...capture,
    records: null,
  });
  const { rows: ids } = await client.query<{ id: string }>(
    `WITH gone AS (DELETE FROM bench.accounts RETURNING 1)
     SELECT pg_current_xact_id()::text AS id FROM gone LIMIT 1`,
  );
  await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
    ...capture,
    records: rows,
  });
  // As autovacuum would have done by the time that somebody notices.
  await client.query('VACUUM bench.accounts');
  await client.query('CHECKPOINT');
  return { dataDir, transaction: ids[0]?.id ?? '', file };
}

async function copyFrom(client: pg.Client, file: string): Promise<number> {
  await client.query(
    `DROP TABLE IF EXISTS bench.copied; CREATE TABLE bench.copied (LIKE bench.accounts INCLUDING ALL);
     ALTER TABLE bench.copied REPLICA IDENTITY FULL`,
  );
  await client.query('CHECKPOINT');
  const started = performance.now();
  await client.query(`COPY bench.copied FROM '${file}'`);
  return (performance.now() - started) / 1000;
}

async function compare(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ different: number }>(
    `SELECT count(*)::int AS different
     FROM bench.accounts a FULL JOIN bench.copied c USING (id)
     WHERE NOT (a *= c) OR a.id IS NULL OR c.id IS NULL`,
  );
  if (rows[0]?.different !== 0) throw new Error('The undo did not put back what was there');
}

/** The story: few rows in a long history. */
async function planSmall(
  { client, url }: BenchDatabase,
  changes: number,
  dataDir: string,
): Promise<{ readonly seconds: number; readonly rows: number }> {
  await client.query('CREATE TABLE bench.small (id bigint PRIMARY KEY, note text)');
  const transaction = await makeLargeLog(join(dataDir, 'log', 'main'), changes);
  const input = { url, dataDir, transaction, what: 'plan' as const };
  const plan = await measureInChild<UndoInput, UndoOutput>('undo-child.ts', input);
  return { seconds: plan.seconds, rows: plan.rows };
}
