import type { ErrorEntry } from '../entry.ts';

export const SOURCE_ERRORS = {
  SOURCE_REWOUND: {
    message:
      'The history of source {source} went back: it and its log part at {to}, and the log goes up to {from} ({reason}); {gone}.',
    hint: 'It was restored from a backup, or a standby that lagged has taken over. See that its url leads to the right server; nothing was changed there. Then go on in the same log with `tidings start --accept-rewind {source}`, which marks those changes as abandoned and tells every subscription.',
    retryable: false,
    exit: 2,
  },
  SOURCE_CHANGED: {
    message:
      'Source {source} now leads to another database ({found}) than the one its log was made from ({expected}).',
    hint: 'Point its url back, or give the new database a source name of its own. A database is known by its number on its server, whatever it is called. If pg_upgrade made the new server, go on with `tidings start --upgraded {source}`. From a dump it is another database with a history of its own. If all that is written down is its name, by an earlier version, and it was renamed since: give it that name back, run `tidings start` once, which writes down the number, and rename it again.',
    retryable: false,
    exit: 2,
  },
  SOURCE_UNREACHABLE: {
    message: 'Source {source} cannot be reached: {reason}.',
    hint: 'See that the server runs and that host and port in its url are right; Tidings keeps trying. `tidings doctor` tests the connection.',
    retryable: true,
    exit: 1,
  },
  SOURCE_DISCONNECTED: {
    message: 'The connection to source {source} ended: {reason}.',
    hint: 'Nothing to do: Tidings connects again by itself, and nothing is lost.',
    retryable: true,
    exit: 1,
  },
  SOURCE_LOGIN_REFUSED: {
    message: 'Source {source} refused the login: {reason}.',
    hint: 'Correct user, password or database in its url, or allow the connection (replication too) in pg_hba.conf. A service that runs tries again by itself, at least once a minute.',
    retryable: false,
    exit: 2,
  },
  SOURCE_TLS_FAILED: {
    message: 'No trusted TLS connection to source {source}: {reason}.',
    hint: "Correct the TLS settings in its url (sslmode, sslrootcert), or the server's certificate; then a service that runs goes on by itself.",
    retryable: false,
    exit: 2,
  },
  SOURCE_POOLED: {
    message:
      'At the address of source {source} a connection pooler answers, and capture needs PostgreSQL itself: {reason}.',
    hint: "Write the server's own host and port into its url, past PgBouncer or what else is in between. Applications can go on using the pooler.",
    retryable: false,
    exit: 2,
  },
  SOURCE_FAILED: {
    message: 'Source {source} reported an error that may pass: {reason} (SQLSTATE {state}).',
    hint: "Tidings tries again; if it goes on, the server's own log says more.",
    retryable: true,
    exit: 1,
  },
  SOURCE_ENCODING: {
    message: 'Source {source} cannot be captured: {reason}, and what is captured is UTF-8.',
    hint: 'Copy it into a database with the encoding UTF8 and point the url there: {commands} (if its texts are in another encoding, such as WIN1252, write that after the second --encoding=).',
    retryable: false,
    exit: 2,
  },
  SOURCE_ENCODING_RISK: {
    message:
      'Source {source}: {reason}. Capture goes on: texts that are UTF-8 are captured as such, and another one is left out of the log as not known (SOURCE_VALUE_UNREADABLE names its column).',
    hint: 'Copy it into a database with the encoding UTF8 and capture that under another source name: {commands} (if its texts are in another encoding, such as WIN1252, write that after the second --encoding=).',
    retryable: false,
    exit: 2,
  },
  SOURCE_CHILDREN_LEFT_OUT: {
    message:
      'Source {source}: {children}. A query on the parent has their rows, and they are not captured, because the patterns do not name them.',
    hint: '{fix}',
    retryable: false,
    exit: 2,
  },
  SOURCE_VALUE_UNREADABLE: {
    message:
      'Source {source}: column {column} of {table} has a text with bytes that stand for no character of the database (first met in the transaction at {position}). Such values are left out of the log as not known; everything else is captured. An undo of such a row is refused.',
    hint: "Have psql name the rows: `{sql}`. Then set each to a text: `UPDATE {tableSql} SET {columnSql} = '…' WHERE ctid = '…';`.",
    retryable: false,
    exit: 1,
  },
  SOURCE_VALUE_TOO_LARGE: {
    message:
      'The database of source {source} has sent a value that is too large to be read: a text has {limit} characters at most.',
    hint: 'Leave out the row, or the column, that has it: by --key, --columns or --table.',
    retryable: false,
    exit: 2,
  },
  SOURCE_UNREADABLE: {
    message:
      'PostgreSQL cannot hand over a change of {table} (source {source}): {reason} (SQLSTATE {state}). Capture stops before it; nothing before it is lost.',
    hint: 'Correct the value in the database, or leave the table out of the configured `tables`, so that it does not come again. Then go on from now with `tidings start --accept-gap {source}`; the log keeps a note of the gap.',
    retryable: false,
    exit: 2,
  },
  TRANSACTION_LEFT_OUT: {
    message:
      'Transaction {id} of source {source}, committed at {at}, cannot be captured, because of a row of {tables}: {reason}. It is left out as a whole, and the log keeps a note of the gap; everything else is captured.',
    hint: 'The text of a row, before and after together, has to stay below 999 MB (a `bytea` below half of that). Keep such values out of the table, or the table out of the configured `tables`. `tidings log verify` lists the gaps.',
    retryable: false,
    exit: 1,
  },
  SOURCE_REFUSED: {
    message: 'Source {source} refused to stream its changes: {reason} (SQLSTATE {state}).',
    hint: 'Run `tidings doctor`: it checks settings and rights, and prints what to change.',
    retryable: false,
    exit: 2,
  },
  SLOT_IN_USE: {
    message: 'Replication slot {slot} of source {source} is in use: {reason}.',
    hint: 'Stop the other reader of the slot. After a broken connection the server frees it by itself (wal_sender_timeout).',
    retryable: true,
    exit: 2,
  },
  SLOT_MISSING: {
    message:
      'Replication slot {slot} of source {source} does not exist. Changes made since it was dropped cannot be had any more.',
    hint: 'Go on from now with `tidings start --accept-gap {source}`; the log keeps a note of the gap.',
    retryable: false,
    exit: 2,
  },
  SLOT_NOT_CARRIED_OVER: {
    message:
      'The upgraded server of source {source} has no slot that its log could go on from: pg_upgrade carries slots over from PostgreSQL 17 on, and drops those of older servers.',
    hint: 'Go on from now in the same log with `tidings start --upgraded {source} --accept-gap {source}`; the log keeps a note of the gap. Nothing is lost when the log had everything of the old server and nobody has written to the new one yet.',
    retryable: false,
    exit: 2,
  },
  SLOT_INVALIDATED: {
    message:
      'PostgreSQL gave up replication slot {slot} of source {source}: {reason}. Changes after the last captured one cannot be had any more.',
    hint: 'Go on from now with `tidings start --accept-gap {source}`; the log keeps a note of the gap. A larger max_slot_wal_keep_size prevents it.',
    retryable: false,
    exit: 2,
  },
  SLOT_MOVED: {
    message:
      'Replication slot {slot} of source {source} stands at {to}, after {from}, where the log ends: {bytes} bytes of WAL between them were not captured and cannot be had any more.',
    hint: 'Go on from now with `tidings start --accept-gap {source}`; the log keeps a note of the gap. See who else moves the slot.',
    retryable: false,
    exit: 2,
  },
  SLOT_BLOCKED: {
    message:
      'Replication slot {slot} of source {source} waits for a transaction that is open: {reason}.',
    hint: "End that transaction, or wait: Tidings keeps trying. `SELECT pg_terminate_backend(PID);` ends it by force; one that was prepared is ended in its own database with `COMMIT PREPARED 'NAME';` or `ROLLBACK PREPARED 'NAME';`.",
    retryable: true,
    exit: 1,
  },
  SLOT_TAKEN: {
    message: 'Replication slot {slot} of source {source} exists already and serves something else.',
    hint: 'Give the source another name in the configuration, or drop the slot: `SELECT pg_drop_replication_slot({slotSql});`.',
    retryable: false,
    exit: 2,
  },
  SLOTS_EXHAUSTED: {
    message: 'The server of source {source} has no replication slot left.',
    hint: 'Drop one that is not needed (see pg_replication_slots), or run `ALTER SYSTEM SET max_replication_slots = 20;` and restart the server.',
    retryable: true,
    exit: 1,
  },
  SOURCE_UNINSTALLED: {
    message:
      'Slot and publications of source {source} are gone from its database, as after `tidings uninstall`. Changes made since then cannot be had any more.',
    hint: 'Go on from now in the same log with `tidings start --accept-gap {source}`, which makes them again and notes the gap. To begin with an empty log instead, run `tidings uninstall --data` before `tidings start`.',
    retryable: false,
    exit: 2,
  },
  PUBLICATION_LOST: {
    message:
      'Publication {publication} of source {source} was dropped. Changes made since then cannot be had any more.',
    hint: 'Go on from now with `tidings start --accept-gap {source}`; the log keeps a note of the gap.',
    retryable: false,
    exit: 2,
  },
  PUBLICATION_ALTERED: {
    message:
      'Somebody altered a publication of source {source} between {since} and {until}: {what}. Changes that were not published meanwhile are not in the log, and cannot be had any more.',
    hint: "Tidings puts the publication right by itself, and the log keeps a note of the gap: `tidings log verify` lists it. Until then `tidings doctor` prints the SQL. See who alters it: `ALTER PUBLICATION` is in the server's log with `log_statement = ddl`.",
    retryable: false,
    exit: 1,
  },
  PUBLICATION_UNSUITABLE: {
    message: 'Publication {publication} of source {source} was made FOR ALL {made}; {problem}.',
    hint: 'Run `DROP PUBLICATION {publicationSql};`: Tidings makes its own.',
    retryable: false,
    exit: 2,
  },
  RIGHTS_MISSING: {
    message: 'Role {role} of source {source} lacks rights: it {missing}.',
    hint: 'As an administrator of the database run:\n{sql}',
    retryable: false,
    exit: 2,
  },
  WAL_LEVEL: {
    message: 'The server of source {source} has wal_level = {level}; capture needs {needed}.',
    hint: 'Run `ALTER SYSTEM SET wal_level = {neededSql};` and restart the server.',
    retryable: false,
    exit: 2,
  },
  SERVER_TOO_OLD: {
    message: 'Source {source} is PostgreSQL {version}; Tidings needs 14 or newer.',
    hint: 'Upgrade the server.',
    retryable: false,
    exit: 2,
  },
  SOURCE_STANDBY: {
    message: 'Source {source} is a standby, which takes no publications.',
    hint: 'Point its url at the primary.',
    retryable: true,
    exit: 2,
  },
  TABLES_NOT_FOLLOWED: {
    message: 'Source {source} does not capture {tables} as its patterns ask: {reason}.',
    hint: 'Tidings tries again by itself. If rights are missing, `tidings doctor` prints the SQL to run.',
    retryable: true,
    exit: 1,
  },
  PROTOCOL_ERROR: {
    message: 'Source {source} sent malformed data at byte {position} of its stream: {problem}.',
    hint: 'If it happens again, the connection leads through something that changes data, or it is a defect: please report it with this message.',
    retryable: true,
    exit: 1,
  },
  SOURCE_UNKNOWN: {
    message: 'There is no source named {source}.',
    hint: '`tidings status` lists them; they are configured under `sources`.',
    retryable: false,
    exit: 64,
  },
  SOURCE_AMBIGUOUS: {
    message: 'There are several sources ({sources}), so it has to be said which one is meant.',
    hint: 'Name it: `source` in the registration, --source on the command line.',
    retryable: false,
    exit: 64,
  },
} as const satisfies Record<string, ErrorEntry>;
