import { createHash, randomBytes } from 'node:crypto';
import { existsSync, lstatSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Account, canReach, serverAccount } from './account.ts';
import { sharedFolder } from './shared-folder.ts';

/** Where one embedded database and what belongs to it are. */
export interface Home {
  /** What the caller named. Holds password and port. */
  readonly directory: string;
  /** The same, or elsewhere when the server's user cannot get there. Holds database and log. */
  readonly place: string;
  /** PostgreSQL's data directory. */
  readonly data: string;
  readonly log: string;
  /** Who runs the server; null: the present user. */
  readonly account: Account | null;
}

/** The file in a directory that says where its database is, when it is not inside. */
const LOCATION = 'location';

/** Finds out where the database of this directory is or has to be, and makes the folders. */
export async function openHome(directory: string): Promise<Home> {
  const isNew = !existsSync(directory);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const inside = join(directory, 'data');
  const account = await serverAccount(existsSync(inside) ? inside : null);
  // The caller's umask may have closed what we have just made.
  if (isNew && account !== null) await chmod(directory, 0o711);
  if (account === null || canReach(account, directory)) return home(directory, directory, account);
  return openElsewhere(directory);
}

async function openElsewhere(directory: string): Promise<Home> {
  const place = join(await sharedFolder(), `database-${placeName(directory)}`);
  // The caller removed its folder, and with it the password: this is what is left of that database.
  if (!existsSync(join(directory, LOCATION))) await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true, mode: 0o711 });
  await chmod(place, 0o711);
  await writeFile(
    join(directory, LOCATION),
    `${place}\n\nPostgreSQL does not run as root, and its user cannot enter this folder.\n`,
  );
  await writeFile(join(place, 'origin'), directory);
  const data = join(place, 'data');
  return home(directory, place, await serverAccount(existsSync(data) ? data : null));
}

function home(directory: string, place: string, account: Account | null): Home {
  return {
    directory,
    place,
    account,
    data: join(place, 'data'),
    log: join(place, 'postgres.log'),
  };
}

/** The home as it is, without making anything; null when there is none. */
export async function findHome(directory: string): Promise<Home | null> {
  if (!existsSync(directory)) return null;
  const location = join(directory, LOCATION);
  const place = existsSync(location)
    ? ((await readFile(location, 'utf8')).split('\n')[0] ?? directory)
    : directory;
  // The file can be the caller's to write, and what it names is going to be removed.
  const known = place === directory || place.endsWith(`/database-${placeName(directory)}`);
  if (!known || !existsSync(place) || !lstatSync(place).isDirectory()) return null;
  return home(directory, place, null);
}

function placeName(directory: string): string {
  return createHash('sha256').update(directory).digest('hex').slice(0, 16);
}

/** The superuser's password, made at first. */
export async function readPassword({ directory }: Home): Promise<string> {
  const file = join(directory, 'password');
  if (existsSync(file)) return (await readFile(file, 'utf8')).trim();
  const password = randomBytes(18).toString('base64url');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return password;
}

/** The port used before if it is free, else another one, so that urls stay the same. */
export async function choosePort({ directory }: Home): Promise<number> {
  const file = join(directory, 'port');
  const remembered = existsSync(file) ? Number(await readFile(file, 'utf8')) : 0;
  const port = (await freePort(remembered)) ?? (await freePort(0)) ?? 0;
  await writeFile(file, `${port}\n`);
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
