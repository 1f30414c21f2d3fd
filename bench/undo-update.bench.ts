/**
 * A committed UPDATE without WHERE, planned and put back by `tidings undo`, beside the shortest SQL that
 * does the same: UPDATE … FROM a prepared table of the old rows. Both write the same rows of the same
 * table, in turns; nothing captures while either runs.
 */
import { join } from 'node:path';
import type pg from 'pg';
import { CopyIn } from '../src/source/postgres/undo/copy-in.ts';
import { CREATE_ACCOUNTS, insertAccounts } from './lib/accounts.ts';
import type { CaptureInput, CaptureOutput } from './lib/capture-child.ts';
import { measureInChild } from './lib/child.ts';
import { type BenchDatabase, openBenchDatabase } from './lib/database.ts';
import { type Benchmark, loadAverage, type Report } from './lib/report.ts';
import type { UndoInput, UndoOutput } from './lib/undo-child.ts';

const GOAL = 0.8;
const MEGABYTES = 250;
const ROUNDS = 3;
/** Rows that are sent at once. */
const LINES = 1_000;

/** The accident. The same values each time, so that what the log has of it is what is there again. */
const ACCIDENT = `UPDATE bench.accounts SET balance = 0, updated_at = '2026-01-01'`;

/** What somebody would write who knew beforehand which columns it was and had the old rows. */
const FLOOR = `UPDATE bench.accounts t SET balance = o.balance, updated_at = o.updated_at
  FROM bench.old o WHERE o.id = t.id`;

/** As applications have them: what people look accounts up by. */
const INDEXES = `CREATE UNIQUE INDEX ON bench.accounts (email);
  CREATE INDEX ON bench.accounts (name);
  CREATE INDEX ON bench.accounts (updated_at);
  CREATE INDEX ON bench.accounts (balance) WHERE active`;

/** Rounds of one way to put the rows back. */
interface Rounds {
  readonly seconds: number[];
  cpuSeconds: number;
  megabytes: number;
}

/** What is measured of a table in one state, in turns. */
interface Measured {
  readonly together: Rounds;
  readonly floor: readonly number[];
  /** The floor when the old rows are not in the database yet. */
  readonly loaded: readonly number[];
}

export const benchmark: Benchmark = {
  description: 'an UPDATE of 200,000 rows undone, beside UPDATE … FROM a table of the old rows',
  async run({ smoke }) {
    const rows = smoke ? 5_000 : 200_000;
    await using database = await openBenchDatabase();
    const { client, url } = database;
    const { dataDir, transaction } = await prepare(database, rows);
    const old = await readOld(client);
    const undo = async (what: UndoInput['what'], rounds: Rounds): Promise<void> => {
      await haveAccident(client);
      const input: UndoInput = { url, dataDir, transaction, what };
      const run = await measureInChild<UndoInput, UndoOutput>('undo-child.ts', input);
      await compare(client);
      rounds.seconds.push(run.seconds);
      rounds.cpuSeconds = Math.max(rounds.cpuSeconds, run.cpuSeconds);
      rounds.megabytes = Math.max(rounds.megabytes, run.peakMegabytes);
    };
    const measure = async (): Promise<Measured> => {
      const [together, floor, loaded] = [noRounds(), [] as number[], [] as number[]];
      for (let round = 0; round < (smoke ? 1 : ROUNDS); round++) {
        await undo('run', together);
        floor.push(await timed(client, () => client.query(FLOOR)));
        loaded.push(await timed(client, () => writeLoaded(client, old)));
      }
      return { together, floor, loaded };
    };
    const one = await measure();
    const apart = noRounds();
    await undo('plan, then apply', apart);
    await client.query(INDEXES);
    const five = await measure();
    return report(rows, { one, five, apart });
  },
};

function noRounds(): Rounds {
  return { seconds: [], cpuSeconds: 0, megabytes: 0 };
}

function report(
  rows: number,
  { one, five, apart }: { readonly one: Measured; readonly five: Measured; readonly apart: Rounds },
): Report {
  const rate = (seconds: readonly number[]): number => rows / Math.min(...seconds);
  const ratio = ({ together }: Measured, floor: readonly number[]): number =>
    Math.min(...floor) / Math.min(...together.seconds);
  const singles = ({ together, floor }: Measured): string =>
    together.seconds.map((seconds, at) => ((floor[at] ?? 0) / seconds).toFixed(2)).join(', ');
  const [ofOne, ofFive] = [ratio(one, one.floor), ratio(five, five.floor)];
  const mib = Math.max(one.together.megabytes, five.together.megabytes);
  const goal = { goal: `${GOAL}` };
  return {
    benchmark: 'undo-update',
    load: `one UPDATE of ${rows.toLocaleString('en-GB')} rows of 200 bytes, by table with one index and with five`,
    notes: [
      `floor: ${FLOOR.replaceAll(/\s+/g, ' ')}`,
      'floor, loaded: COPY of the old rows, as text that was ready in memory, into a temporary table, then the same',
      'the same table in the same state for all: the UPDATE made again, VACUUM, CHECKPOINT',
      'the table is compared afterwards, row by row, with the old rows',
      `ratios of single rounds: ${singles(one)}; with five indexes: ${singles(five)}; load average ${loadAverage()}`,
    ],
    figures: [
      { name: 'plan and apply', value: rate(one.together.seconds), unit: 'rows/s' },
      { name: 'plan and apply, five indexes', value: rate(five.together.seconds), unit: 'rows/s' },
      {
        name: 'a plan, then apply (everything twice)',
        value: rate(apart.seconds),
        unit: 'rows/s',
      },
      {
        name: 'its own CPU',
        value: (one.together.cpuSeconds / rows) * 1e6,
        unit: 's per million rows',
      },
      { name: 'peak memory', value: mib, unit: 'MB' },
    ],
    floor: [
      { name: 'UPDATE … FROM', value: rate(one.floor), unit: 'rows/s' },
      { name: 'UPDATE … FROM, loaded', value: rate(one.loaded), unit: 'rows/s' },
      { name: 'UPDATE … FROM, five indexes', value: rate(five.floor), unit: 'rows/s' },
      { name: 'UPDATE … FROM, loaded, five indexes', value: rate(five.loaded), unit: 'rows/s' },
    ],
    ratios: [
      { name: 'rows/s against the floor', value: ofOne, ...goal, reached: ofOne >= GOAL },
      { name: 'the same, five indexes', value: ofFive, ...goal, reached: ofFive >= GOAL },
      ...[
        { name: 'against the floor, loaded', value: ratio(one, one.loaded) },
        { name: 'the same, five indexes', value: ratio(five, five.loaded) },
      ].map((each) => ({ ...each, ...goal, reached: each.value >= GOAL })),
      { name: 'peak MB', value: mib, goal: `under ${MEGABYTES}`, reached: mib < MEGABYTES },
    ],
  };
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

/** The old rows as text for COPY, as somebody has them who kept them outside of the database. */
async function readOld(client: pg.Client): Promise<readonly Buffer[]> {
  const { rows } = await client.query<{ line: string }>(
    `SELECT concat_ws(E'\\t', id, name, email, balance, active, note, updated_at) AS line FROM bench.old`,
  );
  const parts: Buffer[] = [];
  for (let at = 0; at < rows.length; at += LINES) {
    const lines = rows.slice(at, at + LINES).map(({ line }) => `${line}\n`);
    parts.push(Buffer.from(lines.join('')));
  }
  return parts;
}

async function writeLoaded(client: pg.Client, old: readonly Buffer[]): Promise<void> {
  await client.query(`BEGIN; CREATE TEMPORARY TABLE loaded (LIKE bench.old) ON COMMIT DROP`);
  const copy = new CopyIn(client, 'COPY pg_temp.loaded FROM STDIN');
  for (const part of old) await copy.write(part);
  await copy.end();
  await client.query(FLOOR.replace('bench.old', 'pg_temp.loaded'));
  await client.query('COMMIT');
}

async function timed(client: pg.Client, putBack: () => Promise<unknown>): Promise<number> {
  await haveAccident(client);
  const started = performance.now();
  await putBack();
  const seconds = (performance.now() - started) / 1000;
  await compare(client);
  return seconds;
}

async function compare(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ different: number }>(
    `SELECT count(*)::int AS different
     FROM bench.accounts a FULL JOIN bench.old o USING (id)
     WHERE NOT (a *= o) OR a.id IS NULL OR o.id IS NULL`,
  );
  if (rows[0]?.different !== 0) throw new Error('The undo did not put back what was there');
}
