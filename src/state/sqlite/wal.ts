import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { shellWord } from '../../errors/shell-word.ts';

/**
 * What the file's `application_id` says. The file itself says that it lacks what its WAL has, and the
 * WAL has it the other way round: so the file is whole again once everything in the WAL was moved into
 * it, whoever does that (the last connection that closes it, also that of `sqlite3`).
 */
const LACKS_ITS_WAL = 0x54494457; // TIDW
const WHOLE = 0x54494453; // TIDS

/** Bytes of the WAL from which on it is moved into the file: SQLite's own measure, 1,000 pages. */
const LARGE = 4 << 20;
/** What of a WAL is kept as a file when it was moved; bytes. */
const KEPT = 64 << 10;

// https://www.sqlite.org/fileformat.html#the_database_header
const HEADER_BYTES = 72;
const USER_VERSION_AT = 60;
const APPLICATION_ID_AT = 68;

/** Turns on the WAL. SQLite must not move it by itself: the file would not say that it lacks the rest. */
export function useWal(database: DatabaseSync): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${KEPT};`);
}

/**
 * Moves what the WAL has into the file, durably.
 * @param waiting for other processes that read; without it some may stay in the WAL.
 */
export function moveWal(database: DatabaseSync, waiting: boolean): void {
  database.exec(`
    PRAGMA application_id = ${LACKS_ITS_WAL};
    PRAGMA wal_checkpoint(${waiting ? 'FULL' : 'PASSIVE'});
    PRAGMA application_id = ${WHOLE};`);
}

/** True when so much is in the WAL that it should be moved. */
export function isWalLarge(path: string): boolean {
  return walBytes(path) >= LARGE;
}

/**
 * The file that is gone when not everything is there that was written down: the state's own, or its
 * WAL. What is left would be an older state, or none, and say nothing of it. Null when all is well.
 */
export function missingFile(path: string): string | null {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
    throw error;
  }
  try {
    // Not through SQLite, which would make a WAL that is not there.
    readSync(handle, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(handle);
  }
  // One that an earlier version has made may have its tables in the WAL alone.
  const isEmpty = header.getInt32(USER_VERSION_AT) === 0;
  const lacks = isEmpty || header.getInt32(APPLICATION_ID_AT) === LACKS_ITS_WAL;
  return lacks && walBytes(path) === 0 ? walOf(path) : null;
}

/**
 * A command that makes do with the file as it is without its WAL: an older state, whole in itself.
 * With what runs Tidings itself, because not everybody has `sqlite3`.
 */
export function acceptWithoutWal(path: string): string {
  const script = `new (require("node:sqlite").DatabaseSync)(process.argv[1]).exec("PRAGMA application_id = 0")`;
  return `node -e '${script}' ${shellWord(path)}`;
}

function walBytes(path: string): number {
  return statSync(walOf(path), { throwIfNoEntry: false })?.size ?? 0;
}

function walOf(path: string): string {
  return `${path}-wal`;
}
