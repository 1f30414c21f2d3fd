import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import type { TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import type { UserProject } from './managers.ts';

/**
 * What a test with a package manager may take, and so each wait in it; milliseconds. They run beside
 * each other, and beside the rest.
 */
export const ENOUGH = 180_000;

/**
 * Starts a command of a project with a database of one table, writes rows when it captures, and ends
 * it as Ctrl-C does; fails unless its handler said hello to the row.
 */
export async function assertHears(
  project: UserProject,
  database: TestDatabase,
  command: readonly string[],
): Promise<void> {
  const child = project.start(command, { DATABASE_URL: database.url });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => (said += String(chunk)));
  }
  const ended = once(child, 'exit');
  try {
    await until(() => isCapturing(child, database, () => said), ENOUGH);
    // Its slot is active a moment before its publications are there, and nothing else shows from
    // outside when it has begun: so rows come until one is heard of.
    for (let id = 1; !said.includes('Welcome, ann!'); id += 1) {
      await database.client.query('INSERT INTO mail_users VALUES ($1, $2)', [id, 'ann']);
      const heardBy = Date.now() + 1_000;
      const isOver = (): boolean => said.includes('Welcome, ann!') || Date.now() > heardBy;
      await until(isOver, ENOUGH, said);
      assert.ok(id < ENOUGH / 1_000, said);
    }
  } finally {
    // Of the group: what a terminal does with Ctrl-C.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    await ended;
  }
}

async function isCapturing(
  child: ChildProcess,
  { client }: TestDatabase,
  said: () => string,
): Promise<boolean> {
  assert.equal(child.exitCode, null, said());
  const { rows } = await client.query(
    'SELECT 1 FROM pg_replication_slots WHERE active AND database = current_database()',
  );
  return rows.length > 0;
}
