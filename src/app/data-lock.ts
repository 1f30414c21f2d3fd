import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidingsError } from '../errors/tidings-error.ts';
import { statePath } from './adapters.ts';

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** Whoever asks `isHeld` keeps others out for an instant; milliseconds. */
const ASKING = 200;
/** Whoever looks into the state has it open for moments; milliseconds. */
const LOOKING = 500;
/** How often a lock looks whether its file is still there; milliseconds. */
const WATCH_PAUSE = 1_000;

/**
 * The right to be the only process that writes to a data directory.
 *
 * It is an exclusive lock that SQLite holds on a file of its own, so the system releases it however
 * the process ends; a pid file alone would outlive a SIGKILL. The pid beside it is only for messages.
 *
 * A lock on a file that somebody has deleted, or replaced by a copy, keeps nobody out. So the file says
 * which one it is, and a holder that finds another, or a new one, first makes sure that nobody has the
 * state open. A holder whose file is gone makes it anew.
 */
export class DataLock implements Disposable {
  readonly #dataDir: string;
  #held: LockFile;
  readonly #watch: NodeJS.Timeout;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#held = lockFile(dataDir);
    this.#watch = setInterval(() => this.#lookAfterFile(), WATCH_PAUSE).unref();
  }

  /**
   * Makes the directory when it is missing, for this user alone: it will hold the rows of tables.
   * @throws TidingsError `DATA_LOCKED` when another process, or this one, holds it already.
   */
  static acquire(dataDir: string): DataLock {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    try {
      const lock = new DataLock(dataDir);
      try {
        lock.#proveAlone();
        return lock;
      } catch (error) {
        lock[Symbol.dispose]();
        throw error;
      }
    } catch (error) {
      if (!isBusy(error)) throw error;
      const pid = readPid(pidFile(dataDir));
      throw new TidingsError('DATA_LOCKED', { pid, path: dataDir }, { cause: error });
    }
  }

  /** Whether a process holds this directory at the moment. Makes nothing. */
  static isHeld(dataDir: string): boolean {
    const file = join(dataDir, LOCK_FILE);
    if (!existsSync(file)) return false;
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      database.exec('PRAGMA busy_timeout = 0; SELECT * FROM sqlite_schema');
      return false;
    } catch (error) {
      if (isBusy(error)) return true;
      throw error;
    } finally {
      database.close();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
    this.#held.database.close();
  }

  /** A file that does not say that it is the one which was locked before may not be. */
  #proveAlone(): void {
    const { database, id } = this.#held;
    if (readId(database) !== id) {
      expectClosed(statePath({ dataDir: this.#dataDir }));
      this.#sign();
    }
    writePid(this.#dataDir);
  }

  #sign(): void {
    const { database, id } = this.#held;
    try {
      database.exec(`PRAGMA user_version = ${id}; COMMIT`);
    } catch (error) {
      // A full disk, for instance: a service has to start there to show that it waits for room. The
      // lock is held all the same, and the next holder looks more closely.
      if (isBusy(error)) throw error;
    }
  }

  #lookAfterFile(): void {
    const held = this.#held;
    try {
      if (fileId(join(this.#dataDir, LOCK_FILE)) === held.id) return;
      this.#held = lockFile(this.#dataDir);
      held.database.close();
      this.#sign();
      writePid(this.#dataDir);
    } catch {
      // Somebody else tries the new file just now, and finds the state open; or the directory is
      // gone. The next round tries again.
    }
  }
}

/** A file with the exclusive lock on it. */
interface LockFile {
  readonly database: DatabaseSync;
  /** Tells it from others: its inode, as far as `user_version` can hold it. */
  readonly id: number;
}

const LOCK_FILE = 'lock.sqlite';

/** Locks the file, which is made when it is not there. Throws when somebody else holds it. */
function lockFile(dataDir: string): LockFile {
  const path = join(dataDir, LOCK_FILE);
  const database = new DatabaseSync(path);
  try {
    // Without a journal on disk, which whoever only asks could not deal with. In this mode the lock
    // is kept when the transaction has ended.
    database.exec(`PRAGMA busy_timeout = ${ASKING}; PRAGMA journal_mode = MEMORY;
      PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE`);
    return { database, id: fileId(path) ?? 0 };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Throws SQLite's "busy" when any process has this database open. */
function expectClosed(path: string): void {
  if (!existsSync(path)) return;
  const database = new DatabaseSync(path);
  try {
    database.exec(
      `PRAGMA busy_timeout = ${LOOKING}; PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE`,
    );
  } catch (error) {
    // What else is wrong with it, who opens it next will say.
    if (isBusy(error)) throw error;
  } finally {
    database.close();
  }
}

function fileId(path: string): number | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : Number(stat.ino & 0x7fff_ffffn);
}

function readId(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

function pidFile(dataDir: string): string {
  return join(dataDir, 'lock.pid');
}

function writePid(dataDir: string): void {
  const file = pidFile(dataDir);
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch {
    // A full disk, for instance.
    rmSync(file, { force: true });
  }
}

function isBusy(error: unknown): boolean {
  return (error as { readonly errcode?: unknown }).errcode === SQLITE_BUSY;
}

function readPid(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    // The holder may not have written it yet; the lock itself is what counts.
    return 'unknown';
  }
}
