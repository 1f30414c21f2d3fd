import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { TidingsError } from '../../errors/tidings-error.ts';
import { withLogErrors } from './errors.ts';
import { APPLICATION_ID, FORMAT, upgrade } from './format.ts';

/**
 * Bytes of a database page. Measured on 200-byte rows: 0.99 s of CPU per million with 4,096, 0.88 s
 * with 8,192, 0.79 s with 16,384, which fills files 20 % worse.
 */
const PAGE_BYTES = 8192;

/**
 * Pages in the WAL after which SQLite moves them into the file: 8 MB. Half as many cost more syncs,
 * four times as many gain nothing and make the commit that does it four times as long (25 → 56 ms).
 */
const CHECKPOINT_PAGES = 1000;

/** The writer only appends, so it needs the right edge of each tree: 2 MB did as well as 8 MB. */
const WRITER_CACHE_KB = 4000;
/** One reader's page cache. Blocks are read once in a row; the system's cache holds the rest. */
const READER_CACHE_KB = 500;

/** How long another process's recovery or checkpoint is waited for; milliseconds of a blocked loop. */
const BUSY_TIMEOUT = 1000;

/** A value as SQLite returns it. */
export type Value = null | number | bigint | string | Uint8Array;

/**
 * Opens a published segment for writing: WAL, and every COMMIT durable. One of an older format
 * becomes one of today's; a sealed one is never opened this way.
 */
export function openForWriting(path: string): DatabaseSync {
  return opened(path, { timeout: BUSY_TIMEOUT }, (db) => {
    const format = checkFormat(db, path);
    // A maximum of journal_size_limit truncates the WAL after a checkpoint that was late.
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${WRITER_CACHE_KB};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${CHECKPOINT_PAGES * PAGE_BYTES * 4};`);
    if (format < FORMAT) db.exec(upgrade(format));
  });
}

/**
 * Opens a new file that nobody looks at before it is renamed. It needs no journal: if anything fails
 * the file is removed. So a large transaction is written once and not twice, and dropping it is
 * deleting a file, whatever its size.
 */
export function openPart(path: string): DatabaseSync {
  // SQLite's defensive mode, which Node.js turns on, forbids a database without journal.
  return opened(path, { timeout: BUSY_TIMEOUT, defensive: false }, (db) => {
    db.exec(`
      PRAGMA page_size = ${PAGE_BYTES};
      PRAGMA journal_mode = OFF;
      PRAGMA synchronous = FULL;
      PRAGMA cache_size = -${WRITER_CACHE_KB};
      PRAGMA application_id = ${APPLICATION_ID};
      PRAGMA user_version = ${FORMAT};`);
  });
}

/**
 * Opens a published segment for reading; writes nothing into it. Only what a crash interrupted, such
 * as the change of a journal mode, is undone first: until then nobody could read the file.
 */
export function openForReading(path: string): DatabaseSync {
  const open = (): DatabaseSync =>
    opened(path, { readOnly: true, timeout: BUSY_TIMEOUT }, (db) => {
      db.exec(`PRAGMA cache_size = -${READER_CACHE_KB}`);
      checkFormat(db, path);
    });
  try {
    return open();
  } catch (error) {
    if (!needsRecovery(error)) throw error;
    opened(path, { timeout: BUSY_TIMEOUT }, (db) => void checkFormat(db, path)).close();
    return open();
  }
}

// Result codes of https://www.sqlite.org/rescode.html.
const SQLITE_READONLY_RECOVERY = 264;
const SQLITE_READONLY_ROLLBACK = 776;

/** A crash left a journal or WAL that a connection for reading cannot deal with. */
function needsRecovery(error: unknown): boolean {
  const { cause } = error instanceof TidingsError ? error : { cause: null };
  if (!(cause instanceof Error) || !('errcode' in cause)) return false;
  return [SQLITE_READONLY_RECOVERY, SQLITE_READONLY_ROLLBACK].some(
    (code) => code === cause.errcode,
  );
}

function opened(
  path: string,
  options: ConstructorParameters<typeof DatabaseSync>[1],
  prepare: (db: DatabaseSync) => void,
): DatabaseSync {
  return withLogErrors(path, () => {
    const db = new DatabaseSync(path, options);
    try {
      prepare(db);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/**
 * The file's format.
 * @throws TidingsError `DATA_NEWER` for one that this version does not know.
 */
export function checkFormat(db: DatabaseSync, path: string): number {
  const found = readNumber(db, 'PRAGMA user_version');
  if (found > FORMAT) throw new TidingsError('DATA_NEWER', { path, found, known: FORMAT });
  return found;
}

/** The single number that a query returns. */
export function readNumber(db: DatabaseSync, sql: string): number {
  return Number(rows(db.prepare(sql)).at(0)?.[0] ?? 0);
}

/** Prepares a statement whose rows come as arrays: they are made faster than objects. */
export function prepareRows(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  return statement;
}

/** All rows of a statement, as arrays. */
export function rows(
  statement: StatementSync,
  ...values: readonly (string | number | null)[]
): readonly (readonly Value[])[] {
  statement.setReturnArrays(true);
  // The types of node:sqlite know only rows as objects.
  return statement.all(...values) as unknown as readonly (readonly Value[])[];
}
