import type { DatabaseSync } from 'node:sqlite';
import { TidingsError } from '../../errors/tidings-error.ts';

/** The format this version reads and writes, kept in `user_version`; 0 is a file just made. */
export const STATE_FORMAT = 3;

const EXCEPTIONS = `
  CREATE TABLE exceptions (
    subscription    TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    "offset"        INTEGER NOT NULL,
    table_id        INTEGER NOT NULL,
    "table"         TEXT NOT NULL,
    "key"           TEXT,
    previous_key    TEXT,
    state           TEXT NOT NULL CHECK (state IN ('retrying', 'blocked', 'parked', 'discarded')),
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER,
    error_code      TEXT,
    error_message   TEXT,
    error_status    INTEGER,
    error_excerpt   TEXT,
    failed_at       INTEGER,
    discard_reason  TEXT,
    discarded_at    INTEGER,
    PRIMARY KEY (subscription, "offset"),
    CHECK ((state = 'discarded') = (discard_reason IS NOT NULL)),
    CHECK ((discard_reason IS NULL) = (discarded_at IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX exceptions_by_state ON exceptions (subscription, state, "offset");
`;

const REPLAYS = `
  CREATE TABLE replays (
    id           INTEGER PRIMARY KEY,
    subscription TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    kind         TEXT NOT NULL CHECK (kind IN ('parked', 'range')),
    next         INTEGER NOT NULL,
    to_offset    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX replays_by_subscription ON replays (subscription, id);
`;

const KEPT = `
  CREATE TABLE kept (
    source         TEXT NOT NULL,
    "offset"       INTEGER NOT NULL,
    table_id       INTEGER NOT NULL,
    operation      TEXT NOT NULL,
    "key"          TEXT,
    previous_key   TEXT,
    first          INTEGER NOT NULL,
    last           INTEGER NOT NULL,
    transaction_id TEXT NOT NULL,
    position       TEXT NOT NULL,
    committed_at   INTEGER NOT NULL,
    context        TEXT,
    checksum       INTEGER NOT NULL,
    bytes          INTEGER NOT NULL,
    images         BLOB NOT NULL,
    PRIMARY KEY (source, "offset")
  ) STRICT;
`;

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
    definition    TEXT,
    rests_until   INTEGER,
    CHECK ((paused_reason IS NULL) = (paused_since IS NULL))
  ) STRICT, WITHOUT ROWID;

  ${EXCEPTIONS}

  ${REPLAYS}

  CREATE TABLE losses (
    subscription TEXT NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    from_offset  INTEGER NOT NULL,
    to_offset    INTEGER NOT NULL,
    at           INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX losses_by_subscription ON losses (subscription);

  ${KEPT}

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

/** What makes format 2 of format 1. SQLite cannot change a CHECK, so the table is made anew. */
const SECOND_FORMAT = `
  ALTER TABLE subscriptions ADD COLUMN definition TEXT;
  ALTER TABLE subscriptions ADD COLUMN rests_until INTEGER;
  ALTER TABLE exceptions RENAME TO exceptions_before;
  DROP INDEX exceptions_by_state;
  ${EXCEPTIONS}
  INSERT INTO exceptions (subscription, "offset", table_id, "table", "key", previous_key, state,
                          attempts, next_attempt_at, error_code, error_message, failed_at)
    SELECT subscription, "offset", table_id, "table", "key", previous_key, state,
           attempts, next_attempt_at, error_code, error_message, failed_at FROM exceptions_before;
  DROP TABLE exceptions_before;
  ${REPLAYS}
`;

/**
 * Makes the tables of a new file, or brings those of an earlier version up to date.
 * @throws TidingsError `DATA_NEWER`
 */
export function prepareSchema(database: DatabaseSync, path: string): void {
  const found = checkFormat(database, path);
  if (found === STATE_FORMAT) return;
  const change = found === 0 ? TABLES : `${found < 2 ? SECOND_FORMAT : ''} ${KEPT}`;
  database.exec(`BEGIN IMMEDIATE; ${change}; PRAGMA user_version = ${STATE_FORMAT}; COMMIT`);
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
