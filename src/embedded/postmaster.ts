import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { sleep } from '../util/sleep.ts';
import type { Binaries } from './binaries.ts';
import type { Home } from './home.ts';
import { openServerLog, serverEnvironment, startFailure } from './server-log.ts';

/** Recovery after a crash can take a while; milliseconds. */
const START_DEADLINE = 60_000;
/**
 * How long a server may take to disconnect everybody and write its checkpoint before it is stopped
 * the hard way, which costs a recovery at the next start; milliseconds.
 */
const STOP_DEADLINE = 15_000;

const PID_FILE = 'postmaster.pid';
const WRONG_PASSWORD = '28P01';

/** A server process and where it listens. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/**
 * The server that runs on this database, or null. Its pid file can be left from a crash, and its
 * pid belong to an unrelated process by now (in a container the same few are used again and again);
 * PostgreSQL itself would refuse to start then.
 */
export function findPostmaster({ data }: Home): Postmaster | null {
  const lines = readPidFile(data);
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (isAlive(pid) && isServerOf(pid, data)) return { pid, port };
  rmSync(join(data, PID_FILE), { force: true });
  return null;
}

/** Its lines: https://www.postgresql.org/docs/current/storage-file-layout.html; none without it. */
function readPidFile(data: string): readonly string[] {
  try {
    return readFileSync(join(data, PID_FILE), 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * A server's working directory is its data directory. Root in a container may not see that of other
 * users' processes; the command line, in which `launch` names the folder, everybody may. Without
 * /proc the process is taken for a server.
 */
function isServerOf(pid: number, data: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return commandLine(pid).includes(data);
    // It has just ended.
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}

function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It has just ended.
    return [];
  }
}

/** Starts the server's process and returns without waiting for it to be ready. */
export async function launch(
  home: Home,
  binaries: Binaries,
  port: number,
): Promise<{ readonly pid: number; readonly logFrom: number }> {
  const log = await openServerLog(home);
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const child = spawn(join(binaries.root, 'bin', 'postgres'), ['-D', home.data, ...flags], {
    // A group of its own: Ctrl-C in the terminal is for us, and we need the database to drain.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: home.data,
    env: serverEnvironment(),
    windowsHide: true,
    ...home.account,
  });
  child.on('error', () => undefined); // Without a pid the caller sees it end at once.
  child.unref();
  await log.close();
  return { pid: child.pid ?? 0, logFrom: log.from };
}

/**
 * Waits until the server takes connections with this password.
 * @returns false when it ended instead.
 * @throws TidingsError `EMBEDDED_FAILED`; the signal's reason when it aborts.
 */
export async function untilReady(
  home: Home,
  { pid, port }: Postmaster,
  password: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const deadline = Date.now() + START_DEADLINE;
  for (;;) {
    const answer = saysReady(home, pid) ? await ask(connectionUrl(port, password)) : 'silent';
    if (answer === 'ready') return true;
    if (answer === 'refused') {
      throw startFailure(home, `the password in ${home.directory} is not that of its database`);
    }
    signal?.throwIfAborted();
    if (!isAlive(pid)) return false;
    if (Date.now() > deadline) throw startFailure(home, 'the server does not answer');
    await sleep(20, signal);
  }
}

/** The server writes its state into the pid file; until then its port may be somebody else's. */
function saysReady({ data }: Home, pid: number): boolean {
  const lines = readPidFile(data);
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

async function ask(url: string): Promise<'ready' | 'refused' | 'silent'> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // A server that goes away simply does not answer.
  try {
    await client.connect();
    await client.end();
    return 'ready';
  } catch (error) {
    return (error as { readonly code?: unknown }).code === WRONG_PASSWORD ? 'refused' : 'silent';
  }
}

/** The address of the superuser's database. */
export function connectionUrl(port: number, password: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`;
}

/**
 * Stops a server and waits until it has ended. SIGINT, a fast shutdown, disconnects clients and
 * leaves a clean database; SIGQUIT is for one that hangs.
 */
export async function stopPostmaster(pid: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!sendSignal(pid, signal)) return;
    const deadline = Date.now() + STOP_DEADLINE;
    while (isAlive(pid) && Date.now() < deadline) await sleep(10);
  }
}

/** False when there is no such process. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return isAlive(pid) && process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
