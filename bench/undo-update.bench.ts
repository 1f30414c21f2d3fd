/**
 * A committed UPDATE without WHERE, planned and put back by `tidings undo`, beside the shortest SQL that
 * does the same: UPDATE … FROM a prepared table of the old rows. Both write the same rows of the same
 * table, in turns; nothing captures while either runs.
 */
import { join } from 'node:path';
import type pg from 'pg';
import { CREATE_ACCOUNTS, insertAccounts } from './lib/accounts.ts';
import type { CaptureInput, CaptureOutput } from './lib/capture-child.ts';
import { measureInChild } from './lib/child.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import { type Benchmark, loadAverage } from './lib/report.ts';
import type { UndoInput, UndoOutput } from './lib/undo-child.ts';

const GOAL = 0.8;
const MEGABYTES = 250;
const ROUNDS = 3;

/** The accident. The same values each time, so that what the log has of it is what is there again. */
const ACCIDENT = `UPDATE bench.accounts SET balance = 0, updated_at = '2026-01-01'`;

/** What somebody would write who knew beforehand which columns it was and had the old rows. */
const FLOOR = `UPDATE bench.accounts t SET balance = o.balance, updated_at = o.updated_at
  FROM bench.old o WHERE o.id = t.id`;

/** Rounds of one way to put the rows back. */
interface Rounds {
  readonly seconds: number[];
  cpuSeconds: number;
  megabytes: number;
}

export const benchmark: Benchmark = {
  description: 'an UPDATE of 200,000 rows undone, beside UPDATE … FROM a table of the old rows',
  async run({ smoke }) {
    const rows = smoke ? 5_000 : 200_000;
    await using database = await openBenchDatabase();
    const { client, url } = database;
    const { dataDir, transaction } = await prepare(database, rows);
    const undo = async (what: UndoInput['what'], rounds: Rounds): Promise<void> => {
      await haveAccident(client);
      const input: UndoInput = { url, dataDir, transaction, what };
      const run = await measureInChild<UndoInput, UndoOutput>('undo-child.ts', input);
      await compare(client);
      rounds.seconds.push(run.seconds);
      rounds.cpuSeconds = Math.max(rounds.cpuSeconds, run.cpuSeconds);
      rounds.megabytes = Math.max(rounds.megabytes, run.peakMegabytes);
    };
    const [together, apart, floor] = [noRounds(), noRounds(), noRounds()];
    for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
      await undo('run', together);
      await haveAccident(client);
      floor.seconds.push(await writeFloor(client));
      await compare(client);
    }
    await undo('plan, then apply', apart);
    const [best, least] = [Math.min(...together.seconds), Math.min(...floor.seconds)];
    const single = together.seconds.map((seconds, at) => (floor.seconds[at] ?? 0) / seconds);
    const ratio = least / best;
    const mib = together.megabytes;
    return {
      benchmark: 'undo-update',
      load: `one UPDATE of ${rows.toLocaleString('en-GB')} rows of 200 bytes, one index (primary key)`,
      notes: [
        `floor: ${FLOOR.replaceAll(/\s+/g, ' ')}`,
        'the same table in the same state for both: the UPDATE made again, VACUUM, CHECKPOINT',
        'the table is compared afterwards, row by row, with the old rows',
        `ratios of single rounds: ${single.map((value) => value.toFixed(2)).join(', ')}; load average ${loadAverage()}`,
      ],
      figures: [
        { name: 'plan and apply', value: rows / best, unit: 'rows/s' },
        {
          name: 'a plan, then apply (everything twice)',
          value: rows / Math.min(...apart.seconds),
          unit: 'rows/s',
        },
        {
          name: 'its own CPU',
          value: (together.cpuSeconds / rows) * 1e6,
          unit: 's per million rows',
        },
        { name: 'peak memory', value: mib, unit: 'MB' },
      ],
      floor: [{ name: 'UPDATE … FROM', value: rows / least, unit: 'rows/s' }],
      ratios: [
        { name: 'rows/s against the floor', value: ratio, goal: `${GOAL}`, reached: ratio >= GOAL },
        { name: 'peak MB', value: mib, goal: `under ${MEGABYTES}`, reached: mib < MEGABYTES },
      ],
    };
  },
};

function noRounds(): Rounds {
  return { seconds: [], cpuSeconds: 0, megabytes: 0 };
}

/** Captures the accident, and keeps the rows as they were before it. */
async function prepare(
  { client, url, directory }: BenchDatabase,
  rows: number,
): Promise<{ readonly dataDir: string; readonly transaction: string }> {
  const dataDir = join(directory, 'data');
  await client.query(CREATE_ACCOUNTS);
  await insertAccounts(client, { first: 1, last: rows, perTransaction: rows });
  const capture = { url, dataDir };
  await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
    ...capture,
    records: null,
  });
  // Made after capture has begun with the one table, so it is captured no more than it has to be.
  await client.query('CREATE TABLE bench.old AS TABLE bench.accounts; ANALYZE bench.old');
  const { rows: ids } = await client.query<{ id: string }>(
    `WITH changed AS (${ACCIDENT} RETURNING 1)
     SELECT pg_current_xact_id()::text AS id FROM changed LIMIT 1`,
  );
  await measureInChild<CaptureInput, CaptureOutput>('capture-child.ts', {
    ...capture,
    records: rows,
  });
  return { dataDir, transaction: ids[0]?.id ?? '' };
}

/** Brings the table to the same state each time, as autovacuum would have it by the time of the undo. */
async function haveAccident(client: pg.Client): Promise<void> {
  await client.query(ACCIDENT);
  await client.query('VACUUM (ANALYZE) bench.accounts');
  await client.query('CHECKPOINT');
}

async function writeFloor(client: pg.Client): Promise<number> {
  const started = performance.now();
  await client.query(FLOOR);
  return (performance.now() - started) / 1000;
}

async function compare(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ different: number }>(
    `SELECT count(*)::int AS different
     FROM bench.accounts a FULL JOIN bench.old o USING (id)
     WHERE NOT (a *= o) OR a.id IS NULL OR o.id IS NULL`,
  );
  if (rows[0]?.different !== 0) throw new Error('The undo did not put back what was there');
}
