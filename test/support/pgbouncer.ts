import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import pg from 'pg';
import { serverAccount } from '../../src/embedded/account.ts';
import { needs } from './needs.ts';
import { endWithTests } from './tidings-process.ts';
import { until } from './until.ts';

/** A real PgBouncer in front of one database. Disposing ends it. */
export interface PgBouncer extends Disposable {
  /** The database's url through one of the pooler's own. */
  url(database: string): string;
}

/** What stands in the `[databases]` section for a name, beside how the server is reached. */
export type Pools = Readonly<Record<string, string>>;

const PROGRAM = findProgram();

function findProgram(): string | null {
  // Debian has it where only root's PATH leads.
  for (const program of ['pgbouncer', '/usr/sbin/pgbouncer']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return program;
    } catch {
      // Not there: the next place, or none.
    }
  }
  return null;
}

export function hasPgBouncer(): boolean {
  return PROGRAM !== null;
}

/** Whether the machine has it; else the test is skipped, or fails with CI=true. */
export function needsPgBouncer(context: TestContext): boolean {
  const command = 'sudo apt-get install -y pgbouncer';
  return needs(context, hasPgBouncer(), 'PgBouncer', command);
}

/**
 * Starts PgBouncer.
 * @param url of the database that is behind it. Clients log in with the same name and password.
 * @param settings further lines of the `[pgbouncer]` section.
 */
export async function startPgBouncer(
  url: string,
  pools: Pools,
  settings: Readonly<Record<string, string>> = {},
): Promise<PgBouncer> {
  using stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'tidings-pgbouncer-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  const { hostname, port: behind, username, password, pathname } = new URL(url);
  const server = `host=${hostname} port=${behind} dbname=${pathname.slice(1)}`;
  const users = join(folder, 'users');
  writeFileSync(users, `"${username}" "${password}"\n`);
  const own = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    // A server that is away is told after so many seconds.
    query_wait_timeout: 1,
    ...settings,
  };
  const lines = Object.entries(own).map(([name, value]) => `${name} = ${value}`);
  const databases = Object.entries(pools).map(([name, more]) => `${name} = ${server} ${more}`);
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(file, ['[databases]', ...databases, '[pgbouncer]', ...lines, ''].join('\n'));
  const account = await serverAccount(null);
  if (account !== null) {
    chmodSync(folder, 0o755);
    for (const owned of [users, file]) chownSync(owned, account.uid, account.gid);
  }
  const child = spawn(PROGRAM ?? 'pgbouncer', [file], {
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(account === null ? {} : account),
  });
  stack.defer(() => void child.kill('SIGKILL'));
  await listens(endWithTests(child), port);
  const opened = stack.move();
  return {
    url: (database) => {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      through.pathname = `/${database}`;
      return through.href;
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
}

/** Resolves when it answers, and throws what it has written when it ended instead. */
async function listens(child: ChildProcess, port: number): Promise<void> {
  let written = '';
  child.stderr?.on('data', (piece) => (written += String(piece)));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${written}`);
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'nobody', database: 'none' });
    client.on('error', () => undefined); // It refuses the client, and that is its answer.
    const refused = await client.connect().catch((error: unknown) => error);
    return !(refused instanceof Error && 'errno' in refused);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  await new Promise<unknown>((resolve) => server.close(resolve));
  return port;
}
