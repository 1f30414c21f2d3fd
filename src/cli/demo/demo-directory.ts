import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DataLock } from '../../app/data-lock.ts';
import { removeEmbeddedPostgres, startEmbeddedPostgres } from '../../embedded/embedded-postgres.ts';
import { isTidingsError, TidingsError } from '../../errors/tidings-error.ts';

/** Marks a directory as a demo's, so that a later demo may empty it, and says how to reach it. */
const MARKER_FILE = 'demo.json';

/** The marker, and the lock's own files, which are open while the rest is removed. */
const KEPT_FILES = new Set([MARKER_FILE, 'lock.sqlite', 'lock.sqlite-journal', 'lock.pid']);

const markerSchema = z.object({ demo: z.literal('tidings'), url: z.string().nullable() });

type Marker = z.infer<typeof markerSchema>;

/** The directory of one demo: the database, the mail servers, and what they keep. */
export class DemoDirectory implements Disposable {
  readonly path: string;
  #lock: DataLock | null;

  private constructor(path: string, lock: DataLock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Takes the directory for this process.
   * @throws TidingsError `DEMO_DIRECTORY_TAKEN` when something is in it that no demo made, and
   *   `DATA_LOCKED` when another demo runs in it.
   */
  static open(path: string): DemoDirectory {
    mkdirSync(path, { recursive: true });
    if (readMarker(path) === null) {
      if (readdirSync(path).length > 0) throw new TidingsError('DEMO_DIRECTORY_TAKEN', { path });
      // Before the lock's files: were these left alone by a crash, nobody would know whose they are.
      writeMarker(path, null);
    }
    const lock = DataLock.acquire(path);
    writeMarker(path, null);
    return new DemoDirectory(path, lock);
  }

  /** The database cluster. */
  get database(): string {
    return join(this.path, 'postgres');
  }

  /** Tidings' data directory of one mail server. */
  data(server: string): string {
    return join(this.path, server);
  }

  /** A configuration file with which other commands find a mail server's Tidings. */
  config(server: string): string {
    return join(this.path, `${server}.json`);
  }

  /** The account directories of one mail server. */
  mail(server: string): string {
    return join(this.path, 'mail', server);
  }

  /** Writes down where the demo's database is, for `tidings demo sql` in another terminal. */
  announce(url: string | null): void {
    writeMarker(this.path, url);
  }

  /** Removes what an earlier demo left, also a database that runs on because its demo was killed. */
  async clear(): Promise<void> {
    if (existsSync(this.database)) await this.#removeDatabase();
    for (const name of readdirSync(this.path)) {
      if (!KEPT_FILES.has(name)) rmSync(join(this.path, name), { recursive: true, force: true });
    }
  }

  /** Releases the directory and removes it with everything in it. The database must have stopped. */
  async remove(): Promise<void> {
    await removeEmbeddedPostgres(this.database);
    this[Symbol.dispose]();
    rmSync(this.path, { recursive: true, force: true });
    const parent = dirname(this.path);
    // `.tidings` may hold a user's log; then it is not empty and stays.
    if (basename(parent) === '.tidings' && readdirSync(parent).length === 0) rmdirSync(parent);
  }

  /** Releases the directory and leaves what is in it. May be called twice. */
  [Symbol.dispose](): void {
    if (this.#lock === null) return;
    // Somebody may have removed it in the meantime.
    if (existsSync(this.path)) this.announce(null);
    this.#lock[Symbol.dispose]();
    this.#lock = null;
  }

  async #removeDatabase(): Promise<void> {
    try {
      // Starting takes over a server that still runs, and only its own launcher knows how to stop it.
      const server = await startEmbeddedPostgres({ directory: this.database });
      await server[Symbol.asyncDispose]();
    } catch (error) {
      // Half made, because its demo was killed early: then nothing runs on it.
      if (!isTidingsError(error, 'EMBEDDED_FAILED')) throw error;
    }
    await removeEmbeddedPostgres(this.database);
  }
}

/**
 * The address of the database of the demo that runs in this directory.
 * @throws TidingsError `DEMO_NOT_RUNNING`
 */
export function runningDemoUrl(path: string): string {
  const url = readMarker(path)?.url ?? null;
  if (url === null) throw new TidingsError('DEMO_NOT_RUNNING', { path });
  return url;
}

function writeMarker(path: string, url: string | null): void {
  const marker: Marker = { demo: 'tidings', url };
  // The address holds the password.
  writeFileSync(join(path, MARKER_FILE), `${JSON.stringify(marker)}\n`, { mode: 0o600 });
}

function readMarker(path: string): Marker | null {
  const file = join(path, MARKER_FILE);
  if (!existsSync(file)) return null;
  try {
    return markerSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data ?? null;
  } catch (error) {
    // Not JSON: another program's file of the same name.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
