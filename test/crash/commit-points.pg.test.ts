/**
 * The process kills itself at each numbered commit point of capture, log and delivery, at its first
 * and at a later passing; the next run has to deliver everything, in order, and may repeat only what
 * was not recorded (invariants 1, 3, 5, 6, 7).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMIT_POINTS } from '../../src/app/commit-points.ts';
import { freshDatabase } from '../support/postgres.ts';
import { endWithTests, project } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';

interface Told {
  readonly id: string;
  readonly row: number;
  readonly stamp: string;
}

function told(file: string): Told[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Told);
}

/** The log's other points belong to new segments and large transactions: its own tests pass them. */
const EVERY_BATCH = COMMIT_POINTS.filter((point) => !/^log ([4-9]|1\d):/.test(point));

for (const point of EVERY_BATCH) {
  for (const passing of [2]) {
    test(`killed at "${point}", passing ${passing}`, { timeout: 120_000 }, async () => {
      await using database = await freshDatabase();
      using at = project(database.url);
      const { client } = database;
      await client.query('CREATE TABLE ledger (id int PRIMARY KEY, stamp bigint NOT NULL)');
      await client.query('ALTER TABLE ledger REPLICA IDENTITY FULL');
      const file = join(at.directory, 'told');
      const run = (crash: string): ChildProcess =>
        endWithTests(
          spawn(
            process.execPath,
            [join(import.meta.dirname, 'witness.ts'), database.url, at.dataDir, file, crash],
            { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, CRASH_AT: crash } },
          ),
        );

      // A slot remembers from its making on: that is done before the first change.
      const setUp = run('');
      await once(setUp.stdout ?? setUp, 'data');
      const ready = once(setUp, 'exit');
      setUp.kill('SIGTERM');
      await ready;

      const first = run(`${passing} ${point}`);
      const died = once(first, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      const stamps: string[] = [];
      for (
        let step = 1;
        step <= 5_000 && first.exitCode === null && first.signalCode === null;
        step++
      ) {
        // As long as it takes: on a busy machine few checkpoints take all of these changes along.
        // Three rows in turn: enough for order to matter, few enough for repeats to show.
        await client.query(
          'INSERT INTO ledger VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET stamp = EXCLUDED.stamp',
          [step % 3, step],
        );
        stamps.push(String(step));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const [, signal] = await died;
      assert.equal(signal, 'SIGKILL', 'the point was passed');

      const second = run('');
      await until(() => new Set(told(file).map(({ id }) => id)).size >= stamps.length);
      const drained = once(second, 'exit');
      second.kill('SIGTERM');
      await drained;

      const byStamp = new Map<string, Set<string>>();
      for (const { id, stamp } of told(file)) {
        byStamp.set(stamp, (byStamp.get(stamp) ?? new Set()).add(id));
      }
      assert.deepEqual(
        [...byStamp.keys()].sort(byNumber),
        stamps,
        'each change once or more, none invented',
      );
      for (const [stamp, ids] of byStamp) assert.equal(ids.size, 1, `change ${stamp} kept its id`);
      for (const row of [0, 1, 2]) {
        const seen = [
          ...new Set(
            told(file)
              .filter((entry) => entry.row === row)
              .map(({ stamp }) => stamp),
          ),
        ];
        assert.deepEqual(seen, [...seen].sort(byNumber), `row ${row} in order`);
      }
    });
  }
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b);
}
