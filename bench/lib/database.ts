import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startTestServer } from '../../test/support/postgres.ts';

/** A PostgreSQL 18 with default durability, a database, and a folder for Tidings' data. */
export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
  readonly client: pg.Client;
  /** An empty folder; removed at the end. */
  readonly directory: string;
}

export async function openBenchDatabase(): Promise<BenchDatabase> {
  // WAL room for the load, so that a checkpoint forced by its amount does not fall into one of the
  // two runs that are compared. Durability settings stay at their defaults.
  const server = await startTestServer(18, {
    max_wal_size: '16GB',
    checkpoint_timeout: '1h',
    max_slot_wal_keep_size: '-1',
  });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const directory = mkdtempSync(join(tmpdir(), 'tidings-bench-'));
  return {
    url: server.url,
    client,
    directory,
    async [Symbol.asyncDispose]() {
      await client.end();
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
