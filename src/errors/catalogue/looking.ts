import type { ErrorEntry } from '../entry.ts';

/** What can go wrong when the log is looked at: `history`, `show`, `find`, `table --as-of`. */
export const LOOKING_ERRORS = {
  TABLE_NOT_LOGGED: {
    message: 'The log of source {source} has no change of a table {table}.{question}',
    hint: 'Write the table as schema.name, in the case it has in the database. The log has changes of: {tables}.',
    retryable: false,
    exit: 2,
  },
  TABLE_AMBIGUOUS: {
    message: 'The log of source {source} has several tables {table}: {tables}.',
    hint: 'Write the one that is meant with its schema.',
    retryable: false,
    exit: 64,
  },
  TABLE_WITHOUT_KEY: {
    message: 'Table {table} has no key, so the log cannot tell its rows apart.',
    hint: 'Search its changes by value: `tidings find --table {table} --before "column=value"`.',
    retryable: false,
    exit: 2,
  },
  KEY_INVALID: {
    message: '"{key}" is no key of table {table}: {problem}.',
    hint: 'Its key is {columns}: write for instance {example}.',
    retryable: false,
    exit: 64,
  },
  MOMENT_INVALID: {
    message: '"{text}" is neither a time nor an offset of the log.',
    hint: 'Write a time with its zone, such as 2026-11-21T13:45:00Z, how long ago, such as 10m, or an offset.',
    retryable: false,
    exit: 64,
  },
  VALUE_CONDITION_INVALID: {
    message: '"{text}" says no column and value: {problem}.',
    hint: "Write --before 'column=value' or --after 'column=value'; column=null for null, column=\"null\" for the text.",
    retryable: false,
    exit: 64,
  },
  COLUMN_NOT_LOGGED: {
    message: 'None of the tables that are searched has a column {column}.',
    hint: 'Their columns are: {columns}.',
    retryable: false,
    exit: 64,
  },
  SHOW_INVALID: {
    message: '"{text}" is no transaction, change id or offset.',
    hint: 'Write a transaction as `tidings find` prints it, a change id such as main:00000000016B3748:0, or an offset such as @1204.',
    retryable: false,
    exit: 64,
  },
  SHOW_UNKNOWN: {
    message:
      'The log of source {source} has no {what}; it holds the offsets {floor} to before {head}.',
    hint: '`tidings find` lists the transactions that it has. What was committed just now is there once capture has caught up: `tidings status`.',
    retryable: true,
    exit: 2,
  },
  AS_OF_TOO_EARLY: {
    message:
      'The log of source {source} does not reach back to {moment}: it begins at {begin} with offset {floor}.',
    hint: 'The earliest moment that it reaches back to is `{floor}` (`--as-of {floor}`; of an undo `--to {floor}`). `log.retention` in the configuration decides how long changes are kept.',
    retryable: false,
    exit: 2,
  },
  AS_OF_AHEAD: {
    message: 'The log of source {source} has no offset {offset} yet; it ends before {head}.',
    hint: 'Name an offset that `tidings find` or `tidings tail` shows, or a time.',
    retryable: false,
    exit: 2,
  },
  AS_OF_GAP: {
    message:
      'Changes of source {source} were lost after {moment} (before offset {offset}: {reason}), so what {table} held then is not known.',
    hint: 'States after the loss are known: `--as-of {offset}`, of an undo `--to {offset}`.',
    retryable: false,
    exit: 2,
  },
  AS_OF_REWOUND: {
    message:
      'The history of source {source} went back after {moment} (before offset {offset}: {reason}; {abandoned} abandoned), so what {table} held then is not to be had from its present rows.',
    hint: 'States since then are known: `--as-of {offset}`, of an undo `--to {offset}`.',
    retryable: false,
    exit: 2,
  },
  AS_OF_IDENTITY: {
    message:
      'The log does not have the old row of a change of {table} since then (offset {offset}): the table reports {identity}.',
    hint: 'For changes from now on let it report whole old rows: `tidings doctor` prints the statement.',
    retryable: false,
    exit: 2,
  },
  AS_OF_UNREADABLE: {
    message:
      'The log does not have all of a row of {table} that changed since then (offset {offset}): a text in it has bytes that stand for no character (SOURCE_VALUE_UNREADABLE).',
    hint: 'The table can be shown after that change: --as-of {after}; and other rows of it with --key.',
    retryable: false,
    exit: 2,
  },
  AS_OF_TOO_LARGE: {
    message:
      'The change of {table} at offset {offset} has a value in column {column} that is too large to be shown: its text is {bytes} bytes, and a text has {limit} characters at most.',
    hint: 'Leave the column out: --columns {others}. The table can be shown after that change: --as-of {after}; and other rows of it with --key.',
    retryable: false,
    exit: 2,
  },
  AS_OF_NOT_CAPTURED: {
    message:
      'Table {table} is captured only in part ({captured}), so the log cannot tell what it held.',
    hint: '`tidings doctor` shows which tables are captured, and what each lacks.',
    retryable: false,
    exit: 2,
  },
  AS_OF_ADDED_LATER: {
    message:
      'Table {table} was made, or added to what is captured, after that moment (offset {offset}), so the log cannot tell what it held.',
    hint: 'Name a later moment. Its oldest change in the log is at the end of `tidings find --table {table} --limit 1000`.',
    retryable: false,
    exit: 2,
  },
  AS_OF_KEY_UNKNOWN: {
    message:
      'What identified the rows of {table} is not known of some changes since then, so single rows cannot be found by their keys.',
    hint: 'Show all rows, without --key.',
    retryable: false,
    exit: 2,
  },
  AS_OF_PARTITION: {
    message:
      'Rows of {table} came or went without a change since then: {mark}. What it held before that is not known: {reason}.',
    hint: 'What it held after that can be shown: --as-of {after}. Single rows that were in other partitions can be shown by their keys: --key.',
    retryable: false,
    exit: 2,
  },
  AS_OF_PARTITIONS_UNWATCHED: {
    message:
      'What {table} held before offset {after} is not known: until then an older version of Tidings captured it, to which the database did not tell when a single partition was truncated, attached, detached or dropped.',
    hint: 'What it held after that can be shown: --as-of {after}. The changes that the log has are in `tidings find --table {table}`.',
    retryable: false,
    exit: 2,
  },
  AS_OF_TRUNCATED: {
    message:
      '{what} was truncated since then (offset {offset}); the log does not have all the rows that this removed.',
    hint: 'What it held after the truncate can be shown: --as-of {after}. Rows whose changes the log has are in `tidings find --table {table}`.',
    retryable: false,
    exit: 2,
  },
  AS_OF_COLUMN: {
    message: 'Column {column} of {table} cannot be shown as it was: {problem}.',
    hint: 'Leave it out: --columns {columns}.',
    retryable: false,
    exit: 2,
  },
  AS_OF_CONTRADICTION: {
    message: 'The log says that {table} holds {rows} rows which the database does not have.',
    hint: 'Changes have bypassed capture, or the log is of another database. Run `tidings doctor` and `tidings log verify`.',
    retryable: false,
    exit: 1,
  },
  AS_OF_NO_TABLE: {
    message: 'There is no table {table} in the database of source {source}.{question}',
    hint: 'Write the table as schema.name. The rows of a dropped table are in the log as far as they were changed: `tidings find --table {table}`.',
    retryable: false,
    exit: 2,
  },
  LOG_BEHIND: {
    message:
      "The log of source {source} does not have the database's latest changes, and nobody is capturing them.",
    hint: 'Run `tidings start`, then this again.',
    retryable: true,
    exit: 2,
  },
  LOG_LAGS: {
    message:
      "The log of source {source} did not reach the database's present position within {seconds} seconds.",
    hint: '`tidings status` shows how far capture is behind. Try again when it has caught up.',
    retryable: true,
    exit: 1,
  },
  SNAPSHOT_UNREADABLE: {
    message:
      'A present row of {table} (source {source}) has a text with bytes that stand for no character, and PostgreSQL cannot hand it over.',
    hint: 'Have psql name the rows: `{sql}`. Then set each to a text, or leave the column out with --columns, or ask for other rows with --key.',
    retryable: false,
    exit: 2,
  },
  SNAPSHOT_TOO_LARGE: {
    message:
      'A present row of {table} (source {source}) has a value that is too large to be shown: a text has {limit} characters at most.',
    hint: 'Have psql name the rows and columns: `{sql}`. Then leave the column out with --columns, or ask for other rows with --key.',
    retryable: false,
    exit: 2,
  },
  SNAPSHOT_REFUSED: {
    message: 'The role of source {source} may not read table {table}: {reason}.',
    hint: 'As an administrator of the database run: {sql}',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
