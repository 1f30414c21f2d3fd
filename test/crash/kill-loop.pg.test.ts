/**
 * The process is killed with SIGKILL under load, again and again; then what a handler recorded is
 * compared with the history that the table itself kept by a trigger: nothing lost, per-row order
 * kept, ids stable, and repeats only after a restart (invariants 1, 3, 5, 6, 7).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { freshDatabase } from '../support/postgres.ts';
import { endWithTests } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';
import {
  compareWithLedger,
  LEDGER_SCHEMA,
  ledgerHistory,
  type Recorded,
  writeLedger,
} from './ledger.ts';

const KILLS = 50;
const WRITERS = 3;

test(`nothing is lost over ${KILLS} SIGKILLs under load`, { timeout: 240_000 }, async () => {
  await using database = await freshDatabase();
  const directory = mkdtempSync(join(tmpdir(), 'tidings-kill-'));
  const file = join(directory, 'recorded.ndjson');
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(LEDGER_SCHEMA);

  const stop = new AbortController();
  let witness = await startWitness(database.url, directory, file, 'first');
  const writers = Array.from({ length: WRITERS }, () => writeLedger(database.url, stop.signal));
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const before = sizeOf(file);
      // Killed at a random moment, but only after it did something, so that every run counts.
      await until(() => sizeOf(file) > before + Math.floor(Math.random() * 4_000), 20_000);
      witness.kill('SIGKILL');
      await once(witness, 'exit');
      witness = await startWitness(database.url, directory, file, String(kill));
    }
  } finally {
    stop.abort();
    await Promise.all(writers);
  }

  const history = await ledgerHistory(client);
  const last = history.length;
  await until(() => new Set(readRecorded(file).map((entry) => entry.id)).size >= last, 60_000);
  const drained = once(witness, 'exit');
  witness.kill('SIGTERM');
  await drained;

  compareWithLedger(history, readRecorded(file));
  await client.end();
  rmSync(directory, { recursive: true });
});

async function startWitness(
  url: string,
  directory: string,
  file: string,
  run: string,
): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'witness.ts'), url, join(directory, 'data'), file, run],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  endWithTests(child);
  await once(child.stdout, 'data');
  return child;
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function readRecorded(file: string): Recorded[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Recorded);
}
