import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, openSync, closeSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { TidingsError } from '../errors/tidings-error.ts';
import { sleep } from '../util/sleep.ts';
import { type Account, canReach, serverAccount } from './account.ts';
import { type Binaries, findBinaries, reachableBinaries } from './binaries.ts';

/** How to start an embedded server. */
export interface EmbeddedPostgresOptions {
  /** Holds the database, its password and its log; made when missing. */
  readonly directory: string;
  /** Default: the port used before, else a free one. */
  readonly port?: number;
  /** PostgreSQL settings beside ours, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Default: PostgreSQL 18 from the platform's npm package. */
  readonly binaries?: Binaries;
  /** Told what is being done, for a person who waits. */
  readonly onProgress?: (stage: string) => void;
  readonly signal?: AbortSignal;
}

/** A running server of our own; disposing stops it. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Connection URL of the superuser `postgres`, with its password. */
  readonly url: string;
  readonly pid: number;
}

/** Room for a few sources and for tests; small memory for a laptop. */
const SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  max_replication_slots: '50',
  max_wal_senders: '50',
  max_connections: '200',
  shared_buffers: '64MB',
  max_slot_wal_keep_size: '4GB',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

const START_DEADLINE = 60_000;
const STOP_DEADLINE = 30_000;

/**
 * Starts PostgreSQL on this directory, creating the database on first use. A server that a killed
 * process left behind on the same directory is taken over. It listens on 127.0.0.1 only, with a
 * random password.
 * @throws TidingsError `EMBEDDED_UNAVAILABLE`, or `EMBEDDED_FAILED` with the end of its log.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const account = await serverAccount();
  const binaries = await reachableBinaries(options.binaries ?? findBinaries(), account);
  const home = await prepareHome(resolve(options.directory), account);
  const password = await readOrMakePassword(home);
  if (!existsSync(join(home.data, 'PG_VERSION'))) {
    options.onProgress?.('Creating the database');
    await initialise({ home, binaries, account, password });
  }
  const running = await findRunning(home, password);
  if (running !== null) return server(running.url, running.pid);
  const port = options.port ?? (await rememberedPort(home));
  options.onProgress?.('Starting PostgreSQL');
  const url = connectionUrl(port, password);
  const settings = { ...SETTINGS, ...options.settings, port: String(port) };
  const pid = launch({ home, binaries, account }, settings);
  await untilReady({ url, pid, home, signal: options.signal });
  return server(url, pid);
}

interface Home {
  /** What the caller named. */
  readonly directory: string;
  /** PostgreSQL's data directory: inside, or elsewhere when the server's user cannot get there. */
  readonly data: string;
  readonly log: string;
  readonly password: string;
}

async function prepareHome(directory: string, account: Account | null): Promise<Home> {
  await mkdir(directory, { recursive: true });
  let place = directory;
  if (account !== null && !canReach(account, directory)) {
    place = elsewhere(directory);
    await mkdir(place, { recursive: true });
    if ((await stat(place)).uid !== process.getuid?.()) {
      throw await failure({ log: place }, `${place} belongs to another user`);
    }
    // The caller removed its folder, and the password with it: this is what is left of that database.
    if (!existsSync(join(directory, 'password'))) {
      await rm(join(place, 'data'), { recursive: true, force: true });
    }
    await writeFile(
      join(directory, 'location'),
      `${place}\n\nPostgreSQL does not run as root, and its user cannot enter this folder.\n`,
    );
  }
  const data = join(place, 'data');
  const log = join(place, 'postgres.log');
  if (!existsSync(data)) await mkdir(data, { mode: 0o700 });
  if (account !== null) await chown(data, account.uid, account.gid);
  return { directory, data, log, password: join(directory, 'password') };
}

async function readOrMakePassword(home: Home): Promise<string> {
  if (existsSync(home.password)) return (await readFile(home.password, 'utf8')).trim();
  // A database without its password is of no use to anybody: begin again only when there is none.
  const password = randomBytes(18).toString('base64url');
  await writeFile(home.password, `${password}\n`, { mode: 0o600 });
  return password;
}

/** Where a database lives whose folder the server's user cannot enter. */
function elsewhere(directory: string): string {
  const hash = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  return `/var/tmp/tidings-database-${hash}`;
}

/** Removes a stopped server's database and folder. */
export async function removeEmbeddedPostgres(directory: string): Promise<void> {
  await rm(elsewhere(resolve(directory)), { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
}

interface Programs {
  readonly home: Home;
  readonly binaries: Binaries;
  readonly account: Account | null;
}

async function initialise(options: Programs & { readonly password: string }): Promise<void> {
  const { home, binaries, account, password } = options;
  const passwordFile = `${home.data}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account !== null) await chown(passwordFile, account.uid, account.gid);
  const log = openSync(home.log, 'a');
  const child = spawn(
    join(binaries.root, 'bin', 'initdb'),
    initdbArguments(home, Number.parseInt(binaries.version, 10), passwordFile),
    { stdio: ['ignore', log, log], cwd: home.data, env: serverEnvironment(), ...account },
  );
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('exit', done);
  }).finally(() => closeSync(log));
  await rm(passwordFile, { force: true });
  if (code !== 0) throw await failure(home, `initdb ended with code ${code}`);
}

function initdbArguments(home: Home, major: number, passwordFile: string): readonly string[] {
  // The built-in provider does not depend on the locales that a machine happens to have.
  const locale =
    major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : ['--locale=C'];
  const login = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  return [`--pgdata=${home.data}`, '--encoding=UTF8', '--no-instructions', ...locale, ...login];
}

function launch(programs: Programs, settings: Readonly<Record<string, string>>): number {
  const { home, binaries, account } = programs;
  const log = openSync(home.log, 'a');
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(join(binaries.root, 'bin', 'postgres'), ['-D', home.data, ...flags], {
    // A group of its own: Ctrl-C in the terminal is for us, and we need the database to drain.
    detached: true,
    stdio: ['ignore', log, log],
    cwd: home.data,
    env: serverEnvironment(),
    ...account,
  });
  child.on('error', () => undefined); // Seen as "ended" by untilReady, which reports the log.
  child.unref();
  closeSync(log);
  return child.pid ?? 0;
}

/** Nothing of our environment (DATABASE_URL, PG*) is the server's business. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function untilReady(options: {
  readonly url: string;
  readonly pid: number;
  readonly home: Home;
  readonly signal: AbortSignal | undefined;
}): Promise<void> {
  const deadline = Date.now() + START_DEADLINE;
  while (!(await answers(options.url))) {
    options.signal?.throwIfAborted();
    if (!isAlive(options.pid)) throw await failure(options.home, 'the server ended at once');
    if (Date.now() > deadline) throw await failure(options.home, 'the server does not answer');
    await sleep(25, options.signal);
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // A server that goes away simply does not answer.
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    // Not ready, or not there: the caller asks again or looks at the process.
    return false;
  }
}

async function findRunning(
  home: Home,
  password: string,
): Promise<{ readonly url: string; readonly pid: number } | null> {
  const file = join(home.data, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = (await readFile(file, 'utf8')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  const url = connectionUrl(port, password);
  return isAlive(pid) && (await answers(url)) ? { url, pid } : null;
}

async function rememberedPort(home: Home): Promise<number> {
  const file = join(home.directory, 'port');
  const remembered = existsSync(file) ? Number(await readFile(file, 'utf8')) : 0;
  const port = (await freePort(remembered)) ?? (await freePort(0)) ?? 0;
  await writeFile(file, `${port}\n`);
  await chmod(file, 0o644);
  return port;
}

/** This port if it is free (0: any); null when it is taken. */
function freePort(port: number): Promise<number | null> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(null));
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        done(typeof address === 'object' && address !== null ? address.port : null),
      );
    });
  });
}

function server(url: string, pid: number): EmbeddedPostgres {
  return {
    url,
    pid,
    async [Symbol.asyncDispose]() {
      await stop(pid);
    },
  };
}

/** Fast shutdown (SIGINT) disconnects clients and leaves a clean database; SIGQUIT is for one that hangs. */
async function stop(pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!isAlive(pid)) return;
    process.kill(pid, signal);
    const deadline = Date.now() + STOP_DEADLINE;
    while (isAlive(pid) && Date.now() < deadline) await sleep(10);
  }
}

function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function failure(home: Pick<Home, 'log'>, reason: string): Promise<TidingsError> {
  const log = await readFile(home.log, 'utf8').catch(() => ''); // It may have failed before its log.
  const tail = log.trimEnd().split('\n').slice(-3).join(' | ');
  return new TidingsError('EMBEDDED_FAILED', { reason: `${reason}: ${tail}`, log: home.log });
}

function connectionUrl(port: number, password: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
}
