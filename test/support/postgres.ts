import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Binaries, findBinaries, platformName } from '../../src/embedded/binaries.ts';
import {
  type EmbeddedPostgres,
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/embedded/embedded-postgres.ts';

/** The PostgreSQL majors that Tidings supports, newest first. */
export const MAJORS = [18, 17, 16, 15, 14] as const;

export type Major = (typeof MAJORS)[number];

/** The newest: what tests use that are not about versions. */
export const NEWEST: Major = 18;

/** The variable in which `npm test` hands over the server that it started for all test files. */
export function sharedServerVariable(major: Major): string {
  return `TIDINGS_TEST_POSTGRES_${major}`;
}

/** Starts a server of this major in a temporary directory; disposing removes it. */
export async function startTestServer(
  major: Major = NEWEST,
  settings: Readonly<Record<string, string>> = {},
): Promise<EmbeddedPostgres> {
  const directory = newDirectory(major);
  const binaries = binariesOf(major);
  const server = await startEmbeddedPostgres({ directory, binaries, settings });
  return {
    url: server.url,
    pid: server.pid,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await removeEmbeddedPostgres(directory);
    },
  };
}

const started = new Map<Major, Promise<EmbeddedPostgres>>();

/** A server for the tests of this file: the shared one, or its own when the file runs alone. */
export async function sharedServer(major: Major = NEWEST): Promise<string> {
  const shared = process.env[sharedServerVariable(major)];
  if (shared !== undefined) return shared;
  let server = started.get(major);
  if (server === undefined) {
    server = startUntilExit(major);
    started.set(major, server);
  }
  return (await server).url;
}

/**
 * A server that ends with this process. A hook of the test runner would not do: one that is added
 * inside of a test belongs to that test alone.
 */
async function startUntilExit(major: Major): Promise<EmbeddedPostgres> {
  const directory = newDirectory(major);
  const server = await startEmbeddedPostgres({ directory, binaries: binariesOf(major) });
  process.once('exit', () => {
    process.kill(server.pid, 'SIGQUIT');
    // Nothing asynchronous runs any more; and a folder that is still written to cannot be removed.
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const running = join(directory, 'data', 'postmaster.pid');
    for (let left = 250; left > 0 && existsSync(running); left--) Atomics.wait(pause, 0, 0, 20);
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });
  return server;
}

/** Open to the server's user when root runs the tests, so that the database needs no second place. */
function newDirectory(major: Major): string {
  exitOnSignals();
  const directory = mkdtempSync(join(tmpdir(), `tidings-pg${major}-`));
  chmodSync(directory, 0o711);
  return directory;
}

/** By default a signal ends a process without its exit hooks, and those stop the servers. */
function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
}

export function binariesOf(major: Major): Binaries {
  if (major === NEWEST) return findBinaries();
  const packages = join(import.meta.dirname, '../servers', 'package.json');
  return findBinaries(packages, `postgres-${major}-${platformName()}`);
}

/** A database that exists for one test. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** A connection as superuser, open until the end of the test. */
  readonly client: pg.Client;
  /** Another connection, closed at the end of the test. */
  connect(config?: pg.ClientConfig): Promise<pg.Client>;
}

/**
 * Creates a database of its own; disposing removes it together with its slots.
 * @param encoding default: UTF8.
 */
export async function freshDatabase(
  server: Major | string = NEWEST,
  encoding?: string,
): Promise<TestDatabase> {
  const serverUrl = typeof server === 'string' ? server : await sharedServer(server);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const options =
    encoding === undefined ? '' : `ENCODING '${encoding}' TEMPLATE template0 LOCALE 'C'`;
  await withClient(serverUrl, (admin) => admin.query(`CREATE DATABASE ${name} ${options}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const clients: pg.Client[] = [];
  const connect = async (config: pg.ClientConfig = {}): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url.href, ...config });
    client.on('error', () => undefined); // Tests cut connections on purpose.
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    url: url.href,
    name,
    client: await connect(),
    connect,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(clients.map((client) => client.end()));
      await withClient(serverUrl, (admin) => dropDatabase(admin, name));
    },
  };
}

async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  const slots = `SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = $1`;
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { rows } = await admin.query<{ slot_name: string; active_pid: number | null }>(slots, [
      name,
    ]);
    if (rows.length === 0) break;
    for (const { slot_name, active_pid } of rows) {
      if (active_pid !== null) await admin.query('SELECT pg_terminate_backend($1)', [active_pid]);
      else
        await admin
          .query('SELECT pg_drop_replication_slot($1)', [slot_name])
          .catch(() => undefined); // Just became active: the loop sees it again.
    }
    if (Date.now() > deadline) throw new Error(`the slots of ${name} cannot be dropped`);
  }
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
}

async function withClient<Result>(
  url: string,
  run: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}
