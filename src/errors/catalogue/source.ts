import type { ErrorEntry } from '../entry.ts';

export const SOURCE_ERRORS = {
  SOURCE_REWOUND: {
    message:
      'Database {source} is at {to}, before {from}, where its log ends: it was restored to an earlier moment.',
    hint: 'Keep the log under its name and begin another: give the source a new name in the configuration, then run `tidings start`.',
    retryable: false,
    exit: 2,
  },
  SOURCE_CHANGED: {
    message:
      'Source {source} now leads to another database ({found}) than the one its log was made from ({expected}).',
    hint: 'Point its url back, or give the new database a source name of its own.',
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
    hint: 'Correct user, password or database in its url, or allow the connection (replication too) in pg_hba.conf.',
    retryable: false,
    exit: 2,
  },
  SOURCE_TLS_FAILED: {
    message: 'No trusted TLS connection to source {source}: {reason}.',
    hint: "Correct the TLS settings in its url (sslmode, sslrootcert), or the server's certificate.",
    retryable: false,
    exit: 2,
  },
  SOURCE_FAILED: {
    message: 'Source {source} reported an error that may pass: {reason} (SQLSTATE {state}).',
    hint: "Tidings tries again; if it goes on, the server's own log says more.",
    retryable: true,
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
  SLOT_INVALIDATED: {
    message:
      'PostgreSQL gave up replication slot {slot} of source {source}: {reason}. Changes after the last captured one cannot be had any more.',
    hint: 'Go on from now with `tidings start --accept-gap {source}`; the log keeps a note of the gap. A larger max_slot_wal_keep_size prevents it.',
    retryable: false,
    exit: 2,
  },
  PUBLICATION_MISSING: {
    message: 'A publication that source {source} needs does not exist: {reason}.',
    hint: 'Run `tidings init`: it makes the publication anew, or prints the SQL to run.',
    retryable: false,
    exit: 2,
  },
  PROTOCOL_ERROR: {
    message: 'Source {source} sent malformed data at byte {position} of its stream: {problem}.',
    hint: 'If it happens again, the connection leads through something that changes data, or it is a defect: please report it with this message.',
    retryable: true,
    exit: 1,
  },
} as const satisfies Record<string, ErrorEntry>;
