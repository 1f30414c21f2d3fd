import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Binaries, findBinaries, usableBinaries } from './binaries.ts';
import { ensureCluster, writeSettings } from './cluster.ts';
import { choosePort, findHome, type Home, openHome, readPassword } from './home.ts';
import { removeLeftOvers } from './left-overs.ts';
import {
  connectionUrl,
  findPostmaster,
  launch,
  type Postmaster,
  sendSignal,
  stopPostmaster,
  untilReady,
} from './postmaster.ts';
import { startFailure } from './server-log.ts';

/** How to start an embedded server. */
export interface EmbeddedPostgresOptions {
  /** Holds the database, its password and its log; made when missing. */
  readonly directory: string;
  /** Default: the port used before, else a free one. */
  readonly port?: number;
  /** PostgreSQL settings beside ours, as in postgresql.conf; `ALTER SYSTEM` overrides them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: PostgreSQL 18 from the platform's npm package. */
  readonly binaries?: Binaries;
  /** Told what is being done, for a person who waits. */
  readonly onProgress?: (stage: string) => void;
  readonly signal?: AbortSignal;
}

/** A running server of our own; disposing stops it. It also stops when this process exits. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Connection URL of the superuser `postgres`, with its password. */
  readonly url: string;
  readonly pid: number;
}

/** Room for a few sources and for tests; little memory; a bound for what slots keep (invariant 12). */
const SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  max_replication_slots: '50',
  max_wal_senders: '50',
  max_connections: '200',
  shared_buffers: '64MB',
  max_slot_wal_keep_size: '4GB',
};

/** How often another port is tried when somebody takes the one that was free a moment ago. */
const PORT_ATTEMPTS = 3;

/**
 * Starts PostgreSQL on this directory, creating the database on first use. A server that a killed
 * process left behind on the same directory is taken over. It listens on 127.0.0.1 only, with a
 * random password.
 *
 * Root cannot run PostgreSQL: then another user does, see `serverAccount`; and if that user cannot
 * reach the directory, the database is elsewhere and a file `location` says where.
 * @throws TidingsError `EMBEDDED_UNAVAILABLE`, or `EMBEDDED_FAILED` with the end of its log.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const home = await openHome(resolve(options.directory));
  await removeLeftOvers(home);
  const found = options.binaries ?? findBinaries();
  const binaries = await usableBinaries(found, home.account);
  const password = await readPassword(home);
  if (!existsSync(home.data)) onProgress?.('Creating the database');
  await ensureCluster(home, binaries, password);
  const changed = await writeSettings(home, { ...SETTINGS, ...options.settings });
  const left = await takeOver(home, { password, changed, signal });
  if (left !== null) return server(left, password);
  onProgress?.(`Starting PostgreSQL ${Number.parseInt(binaries.version, 10)}`);
  return server(await start({ ...options, home, binaries, password }), password);
}

/** Removes a directory's database, wherever it is, and the directory. A server on it is stopped. */
export async function removeEmbeddedPostgres(directory: string): Promise<void> {
  const home = await findHome(resolve(directory));
  if (home !== null) {
    const running = findPostmaster(home);
    if (running !== null) await stopPostmaster(running.pid);
    await rm(home.place, { recursive: true, force: true });
  }
  await rm(directory, { recursive: true, force: true });
}

/** The server that already runs on the database, if it is of use; one that is not is stopped. */
async function takeOver(
  home: Home,
  options: {
    readonly password: string;
    /** True when it runs with other settings than are wanted now. */
    readonly changed: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Postmaster | null> {
  const { password, changed, signal } = options;
  const running = findPostmaster(home);
  if (running === null) return null;
  if (!changed && (await untilReady(home, running, password, signal))) return running;
  await stopPostmaster(running.pid);
  return null;
}

async function start(
  options: EmbeddedPostgresOptions & {
    readonly home: Home;
    readonly binaries: Binaries;
    readonly password: string;
  },
): Promise<Postmaster> {
  const { home, binaries, password, signal } = options;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await choosePort(home));
    const { pid, logFrom } = await launch(home, binaries, port);
    const postmaster = { pid, port };
    try {
      if (await untilReady(home, postmaster, password, signal)) return postmaster;
    } catch (error) {
      await stopPostmaster(pid);
      throw error;
    }
    const failure = startFailure(home, 'the server ended at once', logFrom);
    const taken = /could not (bind|create any TCP)/.test(failure.message);
    if (!taken || options.port !== undefined || attempt === PORT_ATTEMPTS) throw failure;
  }
}

/** Servers of this process. Whoever exits without disposing must not leave one behind. */
const running = new Set<number>();

function stopOnExit(): void {
  for (const pid of running) sendSignal(pid, 'SIGINT');
}

function server({ pid, port }: Postmaster, password: string): EmbeddedPostgres {
  if (running.size === 0) process.on('exit', stopOnExit);
  running.add(pid);
  return {
    url: connectionUrl(port, password),
    pid,
    async [Symbol.asyncDispose]() {
      await stopPostmaster(pid);
      running.delete(pid);
      if (running.size === 0) process.off('exit', stopOnExit);
    },
  };
}
