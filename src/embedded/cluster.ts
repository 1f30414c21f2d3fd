import { spawn } from 'node:child_process';
import { appendFile, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import type { Home } from './home.ts';
import { openServerLog, serverEnvironment, startFailure } from './server-log.ts';

/** Included by postgresql.conf. `ALTER SYSTEM` overrides it. */
const SETTINGS_FILE = 'tidings.conf';

/**
 * Creates the database when there is none. It is made under another name and then renamed: a start
 * that was interrupted leaves nothing that looks like a database.
 * @returns true when it was created.
 * @throws TidingsError `EMBEDDED_FAILED`, also when another major version made it.
 */
export async function ensureCluster(
  home: Home,
  binaries: Binaries,
  password: string,
): Promise<boolean> {
  const version = join(home.data, 'PG_VERSION');
  const major = String(Number.parseInt(binaries.version, 10));
  if (existsSync(version)) {
    const made = (await readFile(version, 'utf8')).trim();
    if (made === major) return false;
    throw startFailure(home, `PostgreSQL ${made} made the database, and this is ${major}`);
  }
  const fresh = `${home.data}.new`;
  await rm(fresh, { recursive: true, force: true });
  await makeOwned(fresh, home);
  await runInitdb(home, binaries, { fresh, password });
  await appendFile(join(fresh, 'postgresql.conf'), `\ninclude_if_exists = '${SETTINGS_FILE}'\n`);
  await rm(home.data, { recursive: true, force: true });
  await rename(fresh, home.data);
  return true;
}

/**
 * Writes the settings.
 * @returns true when they differ from those written before.
 */
export async function writeSettings(
  home: Home,
  settings: Readonly<Record<string, string>>,
): Promise<boolean> {
  const file = join(home.data, SETTINGS_FILE);
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  );
  const text = lines.join('');
  if (existsSync(file) && (await readFile(file, 'utf8')) === text) return false;
  await writeFile(file, text, { mode: 0o644 });
  return true;
}

async function runInitdb(
  home: Home,
  binaries: Binaries,
  { fresh, password }: { readonly fresh: string; readonly password: string },
): Promise<void> {
  const passwordFile = `${fresh}.password`;
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (home.account !== null) await chown(passwordFile, home.account.uid, home.account.gid);
  const log = await openServerLog(home);
  const child = spawn(
    join(binaries.root, 'bin', 'initdb'),
    initdbArguments(fresh, Number.parseInt(binaries.version, 10), passwordFile),
    { stdio: ['ignore', log.fd, log.fd], cwd: fresh, env: serverEnvironment(), ...home.account },
  );
  try {
    const code = await new Promise<number | null>((done, failed) => {
      child.once('error', failed);
      child.once('exit', done);
    });
    if (code !== 0) throw startFailure(home, `initdb ended with code ${code}`, log.from);
  } finally {
    await log.close();
    await rm(passwordFile, { force: true });
  }
}

function initdbArguments(data: string, major: number, passwordFile: string): readonly string[] {
  // The built-in provider does not depend on the locales that a machine happens to have.
  const locale =
    major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : ['--locale=C'];
  const login = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  return [`--pgdata=${data}`, '--encoding=UTF8', ...locale, ...login];
}

async function makeOwned(folder: string, { account }: Home): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (account !== null) await chown(folder, account.uid, account.gid);
}
