/**
 * The format of a segment file: one SQLite database. `docs/internals/log.md` tells it in prose.
 * A change that an older Tidings could not read needs a new {@link FORMAT}.
 */

/**
 * Kept in each file's `user_version`. 2 added table `mark`, 3 table `fork` and the lineage in table
 * `progress`. An older segment has none, and gets them when it is opened for writing
 * ({@link upgrade}). A Tidings that knows only an older format must not go on with such a log: it
 * would look back over marks and forks as if nothing were there, and lose them at the next segment.
 */
export const FORMAT = 3;

/** The format from which on segments have table `mark`. */
export const MARKS_SINCE = 2;

/** The format from which on segments have table `fork` and a lineage. */
export const FORKS_SINCE = 3;

/** Kept in each file's `application_id`: "TIDG". */
export const APPLICATION_ID = 0x54494447;

/** A segment's file is named by its first offset, so that names sort like offsets. */
const NAME_DIGITS = 20;
const SUFFIX = '.sqlite';

/** A file that is not published yet has this behind its name; nobody but its writer opens it. */
export const PART_SUFFIX = '.part';

export function segmentName(first: number): string {
  return `${String(first).padStart(NAME_DIGITS, '0')}${SUFFIX}`;
}

/** The first offset that a file's name says, or null when it is no segment. */
export function parseSegmentName(name: string): number | null {
  const match = /^(\d{20})\.sqlite$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/**
 * Records of one block at most, and bytes of images after which a block ends. Measured: rows of
 * 200 bytes cost 1.75 s of CPU per million with an SQLite row each and 0.9 s in such blocks; more
 * records gain nothing, and a reader decodes a whole block to get one record.
 */
export const BLOCK_RECORDS = 256;
export const BLOCK_BYTES = 64 * 1024;

/**
 * One change's images at most: an SQLite value ends at 10^9 bytes, and a block's other columns need
 * room. PostgreSQL itself cannot send more than 2^30 bytes in a message.
 */
export const MAX_IMAGE_BYTES = 999_000_000;

/**
 * `table_window` says which tables have blocks that begin in a stretch of so many offsets, so that a
 * read for a few tables passes over all others. One stretch is decoded in about a millisecond.
 */
export const WINDOW_OFFSETS = 4096;

/**
 * The key index is written in sorted runs of this many records. One SQLite index over a segment
 * changes a random page per record: 11.6 s of CPU per million with random keys, against 0.15 s.
 */
export const RUN_RECORDS = 16_384;

/** Entries of one page of a run: 4 KiB, the most that a look-up reads to no purpose. */
export const RUN_PAGE_ENTRIES = 512;

/**
 * Transactions of at least so many records are in an index of their own, so that the one large
 * transaction among millions of small ones is found at once. Small ones cost no entry.
 */
export const LARGE_TRANSACTION = 64;

/** The index's condition. SQLite uses the index for a query that has the same text in its WHERE. */
export const IS_LARGE = `last - first >= ${LARGE_TRANSACTION - 1}`;

const MARK_TABLE = `
  CREATE TABLE mark (
    id INTEGER PRIMARY KEY, offset INTEGER NOT NULL, at INTEGER NOT NULL, schema TEXT NOT NULL,
    name TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;
`;

const FORK_TABLE = `
  CREATE TABLE fork (
    offset INTEGER NOT NULL, abandoned INTEGER NOT NULL, from_position TEXT NOT NULL,
    to_position TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
`;

/** Makes an unsealed segment of an older format one of today's, in one transaction. */
export function upgrade(from: number): string {
  return `
  BEGIN IMMEDIATE;
  ${from < MARKS_SINCE ? MARK_TABLE : ''}
  ${from < FORKS_SINCE ? `${FORK_TABLE} ALTER TABLE progress ADD COLUMN lineage TEXT;` : ''}
  UPDATE meta SET value = ${FORMAT} WHERE name = 'format';
  PRAGMA user_version = ${FORMAT};
  COMMIT;
`;
}

export const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
  CREATE TABLE table_version (
    id INTEGER PRIMARY KEY, schema TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL,
    checksum INTEGER NOT NULL) STRICT;
  CREATE TABLE txn (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, id TEXT NOT NULL, position TEXT NOT NULL,
    committed_at INTEGER NOT NULL, latest_commit INTEGER NOT NULL, context TEXT,
    checksum INTEGER NOT NULL) STRICT;
  CREATE INDEX txn_id ON txn (id);
  CREATE INDEX txn_large ON txn (first) WHERE ${IS_LARGE};
  CREATE INDEX txn_context ON txn (first) WHERE context IS NOT NULL;
  CREATE TABLE block (
    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, checksum INTEGER NOT NULL,
    records TEXT NOT NULL, images BLOB NOT NULL) STRICT;
  CREATE TABLE table_window (
    table_id INTEGER NOT NULL, window INTEGER NOT NULL,
    PRIMARY KEY (table_id, window)) STRICT, WITHOUT ROWID;
  CREATE TABLE key_run (first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
  CREATE TABLE key_page (
    run INTEGER NOT NULL, low INTEGER NOT NULL, page INTEGER NOT NULL, entries BLOB NOT NULL,
    PRIMARY KEY (run, low, page)) STRICT, WITHOUT ROWID;
  CREATE TABLE progress (
    id INTEGER PRIMARY KEY CHECK (id = 1), reached TEXT, appended TEXT,
    latest_commit INTEGER NOT NULL, lineage TEXT) STRICT;
  CREATE TABLE gap (
    offset INTEGER NOT NULL, from_position TEXT, to_position TEXT, reason TEXT NOT NULL,
    at INTEGER NOT NULL) STRICT;
  ${MARK_TABLE}
  ${FORK_TABLE}
  CREATE VIEW record AS
    SELECT block.first + row.key AS offset,
           row.value ->> 0 AS table_id,
           CASE row.value ->> 1 WHEN 'i' THEN 'insert' WHEN 'u' THEN 'update'
                                WHEN 'd' THEN 'delete' WHEN 't' THEN 'truncate' END AS operation,
           row.value ->> 2 AS key,
           row.value ->> 3 AS previous_key,
           row.value ->> 4 AS images_end,
           CASE row.key WHEN 0 THEN 0
             ELSE records ->> ('$[' || (row.key - 1) || '][4]') END AS images_start,
           block.first AS block, block.images AS block_images
    FROM block, json_each(block.records) AS row;
  CREATE VIEW changes AS
    SELECT record.offset, table_version.schema, table_version.name AS "table", record.operation,
           record.key, record.previous_key, txn.id AS transaction_id, txn.position,
           strftime('%Y-%m-%dT%H:%M:%fZ', txn.committed_at / 1000000.0, 'unixepoch') AS committed_at,
           txn.context,
           substr(record.block_images, 1 + record.images_start,
                  record.images_end - record.images_start) AS images
    FROM record
    JOIN table_version ON table_version.id = record.table_id
    JOIN txn ON txn.first =
      (SELECT max(earlier.first) FROM txn AS earlier WHERE earlier.first <= record.offset);
`;
