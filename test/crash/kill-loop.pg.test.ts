/**
 * The process is killed with SIGKILL under load, again and again; then what a handler recorded is
 * compared with the history that the table itself kept by a trigger: nothing lost, per-row order
 * kept, ids stable, and repeats only after a restart (invariants 1, 3, 5, 6, 7).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { freshDatabase } from '../postgres.ts';
import { endWithTests } from '../tidings-process.ts';
import { until } from '../until.ts';

const KILLS = 50;
const WRITERS = 3;
const ROWS = 60;

const SCHEMA = `
  CREATE SEQUENCE stamps;
  CREATE TABLE ledger (id int PRIMARY KEY, stamp bigint NOT NULL, payload text);
  ALTER TABLE ledger REPLICA IDENTITY FULL;
  CREATE TABLE history (seq bigserial PRIMARY KEY, operation text, id int, stamp bigint);
  CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO history (operation, id, stamp)
    VALUES (lower(TG_OP), COALESCE(NEW.id, OLD.id), COALESCE(NEW.stamp, OLD.stamp));
    RETURN NULL;
  END $$;
  CREATE TRIGGER remember AFTER INSERT OR UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION remember();`;

interface Recorded {
  readonly run: string;
  readonly operation: string;
  readonly row: number;
  readonly stamp: string;
  readonly id: string;
  readonly offset: number;
}

test(`nothing is lost over ${KILLS} SIGKILLs under load`, { timeout: 240_000 }, async () => {
  await using database = await freshDatabase();
  const directory = mkdtempSync(join(tmpdir(), 'tidings-kill-'));
  const file = join(directory, 'recorded.ndjson');
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(SCHEMA);

  const stop = new AbortController();
  let witness = await startWitness(database.url, directory, file, 'first');
  const writers = Array.from({ length: WRITERS }, () => write(database.url, stop.signal));
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

  const { rows: history } = await client.query<{ operation: string; id: number; stamp: string }>(
    'SELECT operation, id, stamp::text FROM history ORDER BY seq',
  );
  const last = history.length;
  await until(() => new Set(readRecorded(file).map((entry) => entry.id)).size >= last, 60_000);
  const drained = once(witness, 'exit');
  witness.kill('SIGTERM');
  await drained;

  compare(history, readRecorded(file));
  await client.end();
  rmSync(directory, { recursive: true });
});

/** Compares the calls with the table's own history, row by row. */
function compare(
  history: readonly { readonly operation: string; readonly id: number; readonly stamp: string }[],
  recorded: readonly Recorded[],
): void {
  const expected = new Map<number, string[]>();
  for (const { id, operation, stamp } of history) {
    expected.set(id, [...(expected.get(id) ?? []), `${operation} ${stamp}`]);
  }
  const firstSeen = new Map<number, string[]>();
  const idOf = new Map<string, string>();
  const lastOffset = new Map<string, number>();
  for (const entry of recorded) {
    const what = `${entry.operation} ${entry.stamp}`;
    const known = idOf.get(`${entry.row} ${what}`);
    if (known === undefined) {
      idOf.set(`${entry.row} ${what}`, entry.id);
      firstSeen.set(entry.row, [...(firstSeen.get(entry.row) ?? []), what]);
    } else assert.equal(entry.id, known, 'a repeat carries the same change id (invariant 7)');
    const key = `${entry.run}/${entry.row}`;
    assert.ok(
      (lastOffset.get(key) ?? -1) < entry.offset,
      `within one run the calls for row ${entry.row} are in log order and never repeat (invariant 6)`,
    );
    lastOffset.set(key, entry.offset);
  }
  assert.equal(idOf.size, history.length, 'each change was recorded, and none that never happened');
  assert.equal(new Set(idOf.values()).size, history.length, 'change ids are unique');
  for (const [row, changes] of expected) {
    assert.deepEqual(
      firstSeen.get(row),
      changes,
      `row ${row}: the calls follow the table's history`,
    );
  }
}

async function startWitness(
  url: string,
  directory: string,
  file: string,
  run: string,
): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'witness.ts'), url, join(directory, 'data'), file, run],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  endWithTests(child);
  await once(child.stdout, 'data');
  return child;
}

/** Small transactions over few rows, so that changes of one row are often close together. */
async function write(url: string, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  while (!signal.aborted) {
    await client.query('BEGIN');
    const ids = Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () =>
      Math.floor(Math.random() * ROWS),
    ).sort((a, b) => a - b);
    for (const id of ids) {
      await (Math.random() < 0.15
        ? client.query('DELETE FROM ledger WHERE id = $1', [id])
        : client.query(
            `INSERT INTO ledger VALUES ($1, nextval('stamps'), 'x')
             ON CONFLICT (id) DO UPDATE SET stamp = nextval('stamps')`,
            [id],
          ));
    }
    await client.query(Math.random() < 0.1 ? 'ROLLBACK' : 'COMMIT');
    // A steady load: the loop is about the kills, and its result is compared change by change.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.end();
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
