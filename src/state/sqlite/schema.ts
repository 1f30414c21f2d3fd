import type { DatabaseSync } from 'node:sqlite';
import { TidingsError } from '../../errors/tidings-error.ts';

/** The format this version reads and writes, kept in `user_version`; 0 is a file just made. */
export const STATE_FORMAT = 1;

const TABLES = `
  CREATE TABLE sources (
    name     TEXT PRIMARY KEY,
    identity TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE subscriptions (
    name          TEXT PRIMARY KEY,
    source        TEXT NOT NULL,
    cursor        INTEGER NOT NULL,
    paused_reason TEXT,
    paused_since  INTEGER,
    created_at    INTEGER NOT NULL,
    CHECK ((paused_reason IS NULL) = (paused_since IS NULL))
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE exceptions (
    subscription    TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    "offset"        INTEGER NOT NULL,
    table_id        INTEGER NOT NULL,
    "table"         TEXT NOT NULL,
    "key"           TEXT,
    previous_key    TEXT,
    state           TEXT NOT NULL CHECK (state IN ('retrying', 'blocked', 'parked')),
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    error_code      TEXT,
    error_message   TEXT,
    failed_at       INTEGER,
    PRIMARY KEY (subscription, "offset")
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX exceptions_by_state ON exceptions (subscription, state, "offset");

  CREATE TABLE losses (
    subscription TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    from_offset  INTEGER NOT NULL,
    to_offset    INTEGER NOT NULL,
    at           INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX losses_by_subscription ON losses (subscription);

  CREATE TABLE service (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    pid        INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    status     TEXT NOT NULL
  ) STRICT;

  CREATE TABLE syncs (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
  ) STRICT;
`;

/**
 * Makes the tables of a new file.
 * @throws TidingsError `DATA_NEWER`
 */
export function prepareSchema(database: DatabaseSync, path: string): void {
  if (checkFormat(database, path) !== 0) return;
  database.exec(`BEGIN IMMEDIATE; ${TABLES}; PRAGMA user_version = ${STATE_FORMAT}; COMMIT`);
}

/**
 * Returns the file's format; 0 when it has no tables yet.
 * @throws TidingsError `DATA_NEWER` for a format that only a later version knows.
 */
export function checkFormat(database: DatabaseSync, path: string): number {
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (found > STATE_FORMAT) {
    throw new TidingsError('DATA_NEWER', { path, found, known: STATE_FORMAT });
  }
  return found;
}
