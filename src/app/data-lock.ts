import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidingsError } from '../errors/tidings-error.ts';

/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** Whoever asks `isHeld` keeps others out for an instant; milliseconds. */
const ASKING = 200;

/**
 * The right to be the only process that writes to a data directory.
 *
 * It is an exclusive lock that SQLite holds on a file of its own, so the system releases it however
 * the process ends; a pid file alone would outlive a SIGKILL. The pid beside it is only for messages.
 */
export class DataLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Makes the directory when it is missing, for this user alone: it will hold the rows of tables.
   * @throws TidingsError `DATA_LOCKED` when another process, or this one, holds it already.
   */
  static acquire(dataDir: string): DataLock {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const pidFile = join(dataDir, 'lock.pid');
    const database = new DatabaseSync(join(dataDir, 'lock.sqlite'));
    try {
      database.exec(
        `PRAGMA busy_timeout = ${ASKING}; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE`,
      );
    } catch (error) {
      database.close();
      if (!isBusy(error)) throw error;
      throw new TidingsError(
        'DATA_LOCKED',
        { pid: readPid(pidFile), path: dataDir },
        { cause: error },
      );
    }
    try {
      writeFileSync(pidFile, `${process.pid}\n`);
    } catch {
      // A full disk, for instance: a service has to start there to show that it waits for room.
      rmSync(pidFile, { force: true });
    }
    return new DataLock(database);
  }

  /** Whether a process holds this directory at the moment. Makes nothing. */
  static isHeld(dataDir: string): boolean {
    const file = join(dataDir, 'lock.sqlite');
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
    this.#database.close();
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
