import type { ErrorEntry } from '../entry.ts';

export const UNDO_ERRORS = {
  UNDO_PLAN_UNKNOWN: {
    message: 'There is no plan {plan}, or it is older than an hour.',
    hint: 'Make it anew: POST /v1/undo/plans.',
    retryable: false,
    exit: 2,
  },
  UNDO_CONFLICTS: {
    message: 'Nothing was undone. Rows in conflict: {rows}.',
    hint: 'Plan it again to see them; then apply with `onConflict` skip, force or cascade.',
    retryable: false,
    exit: 2,
  },
  UNDO_REQUEST_INVALID: {
    message: 'It is not clear what to undo: {problem}.',
    hint: 'Name a transaction (--transaction ID), or tables and a time (--table public.accounts --since 10m, or --to TIME). `tidings undo --help` has examples.',
    retryable: false,
    exit: 64,
  },
  UNDO_TRANSACTION_UNKNOWN: {
    message: 'The log of source {source} has no transaction {transaction}.',
    hint: '`tidings find` lists the transactions that it has. If it was committed just now, see with `tidings status` that capture runs and has caught up.',
    retryable: true,
    exit: 2,
  },
  UNDO_PARTITION_ONLY: {
    message: 'Transaction {transaction} changed no row, so there is nothing to undo: {marks}.',
    hint: '{remedies}',
    retryable: false,
    exit: 2,
  },
  UNDO_REWOUND: {
    message:
      'The history of source {source} went back before offset {offset} ({reason}; {abandoned} abandoned), and the undo would begin before that: the changes from there on do not lead to the rows of now.',
    hint: 'What was changed since then can be undone: `tidings undo --since {next}`.',
    retryable: false,
    exit: 2,
  },
  UNDO_NO_TABLE: {
    message: 'The log of source {source} has no change of a table that {tables} means.{question}',
    hint: 'Write the table as schema.name, in the case it has in the database; `tidings status` shows what is captured.',
    retryable: false,
    exit: 2,
  },
  UNDO_VALUE_TOO_LARGE: {
    message:
      'Change {change} of {table} (offset {offset}) cannot be undone: column {column} has a value whose text is {bytes} bytes, and a text has {limit} characters at most.',
    hint: "Nothing was written. Undo what is beside it: add `--table '*.*' --table '!{table}'` to leave the table out, or name the other rows with --key. This row is to be put right by SQL.",
    retryable: false,
    exit: 2,
  },
  UNDO_LOG_MISSING: {
    message: 'Source {source} has no log yet: nothing was captured.',
    hint: 'Run `tidings start`; what is committed from then on can be undone.',
    retryable: false,
    exit: 2,
  },
  UNDO_REFUSED: {
    message:
      'The database refused the undo{of}, and nothing was changed: {reason} (SQLSTATE {state}).',
    hint: '{ways}',
    retryable: false,
    exit: 2,
  },
  UNDO_OUT_OF_ROOM: {
    message:
      'The database server ran out of room for the undo, and nothing was changed: {reason} (SQLSTATE {state}).',
    hint: '{way}; then run it again, or undo less at a time (--table, --key, --where).',
    retryable: true,
    exit: 1,
  },
  UNDO_CANCELLED: {
    message:
      'Somebody or a limit of the server cancelled the undo, and nothing was changed: {reason} (SQLSTATE {state}).',
    hint: 'Run it again. If it goes on, see who ends it: the server writes pg_cancel_backend and limits to its own log.',
    retryable: true,
    exit: 1,
  },
  UNDO_LOCKED: {
    message:
      'Somebody else holds rows or tables of source {source} that the undo needs, and nothing was changed: {reason} (SQLSTATE {state}).',
    hint: "Run it again. If it goes on, a transaction stays open: `SELECT pid, state, xact_start, query FROM pg_stat_activity WHERE xact_start IS NOT NULL ORDER BY xact_start;` shows those of sessions. A prepared one has no session: `SELECT gid, prepared, owner, database FROM pg_prepared_xacts;` shows it, and `COMMIT PREPARED 'GID';` or `ROLLBACK PREPARED 'GID';` ends it.",
    retryable: true,
    exit: 1,
  },
  UNDO_NOT_VISIBLE: {
    message:
      'The log of source {source} has changes that the database does not show yet, because their commit waits for a synchronous standby. Nothing was undone.',
    hint: 'Run it again when the standby has caught up; SELECT application_name, sync_state, replay_lsn FROM pg_stat_replication; shows how far it is.',
    retryable: true,
    exit: 1,
  },
  UNDO_CAPTURE_NEEDED: {
    message:
      'Table {table} has no key: only the log can tell whether its rows were changed later, and the log of source {source} does not have everything yet.',
    hint: 'See that `tidings start` runs and has caught up (`tidings status`), then run it again; or give the table a primary key.',
    retryable: true,
    exit: 2,
  },
  UNDO_INTERRUPTED: {
    message: 'The connection to source {source} ended during the undo: {reason}.',
    hint: 'Run it again. The database has rolled it back; had it been committed at the very last moment, the next run finds every row as it should be and does nothing.',
    retryable: true,
    exit: 1,
  },
  UNDO_TEMPORARY: {
    message:
      'The role of source {source} may not make temporary tables, and an undo is put together in them.',
    hint: 'As an administrator of the database run: {sql}',
    retryable: false,
    exit: 2,
  },
  UNDO_MONEY_UNKNOWN: {
    message:
      'Nothing was undone: the log has the money {text} in column {column} of {table}, captured before Tidings fixed how money is written, so that the amount depends on the lc_monetary of then.',
    hint: 'Undo the other tables by name (`--table`), and put this row right by hand: `tidings show @{offset}` has its values.',
    retryable: false,
    exit: 2,
  },
  UNDO_REPLICATION_ROLE: {
    message:
      'Sessions of role {role} of source {source} have session_replication_role = {setting}, under which foreign keys and triggers do nothing, and the role may not change it.',
    hint: 'As an administrator of the database run: ALTER ROLE {roleSql} RESET session_replication_role; ALTER ROLE {roleSql} IN DATABASE {databaseSql} RESET session_replication_role; ALTER DATABASE {databaseSql} RESET session_replication_role;',
    retryable: false,
    exit: 2,
  },
  UNDO_ROWS_MISSED: {
    message:
      'The undo should {operation} {expected} rows of {table} and the database did so for {affected}; all of it was rolled back.',
    hint: 'A trigger or rule that leaves rows out is the usual reason: `--without-triggers` undoes without them.',
    retryable: false,
    exit: 2,
  },
  UNDO_TRIGGERS_INTERFERED: {
    message:
      'Triggers changed {rows} rows again that the undo had put back ({tables}); all of it was rolled back.',
    hint: '`--without-triggers` undoes without them. `--on-conflict force` accepts what they make of the rows.',
    retryable: false,
    exit: 2,
  },
  UNDO_REACHED_FURTHER: {
    message:
      'The undo set off more than was planned ({effects}); all of it was rolled back. What can have done it: {causes}.',
    hint: '`--without-triggers` undoes without triggers, and `--on-conflict force` accepts what triggers and rules do. Rows that a foreign key would delete or change have to refer to another row first, or be undone too (`--on-conflict cascade`).',
    retryable: false,
    exit: 2,
  },
  UNDO_COUNTING_OFF: {
    message:
      'The server does not count what a transaction does (track_counts is off), so nobody could see what the undo of {tables} sets off ({causes}); nothing was changed.',
    hint: 'As an administrator run: ALTER SYSTEM SET track_counts = on; then SELECT pg_reload_conf(); and undo again.',
    retryable: false,
    exit: 2,
  },
  UNDO_TRIGGERS_RIGHTS: {
    message: 'Only the owner of {table} may leave its triggers out; role {role} is not.',
    hint: 'Undo with the triggers, or run as an administrator: GRANT {ownerSql} TO {roleSql};',
    retryable: false,
    exit: 2,
  },
  UNDO_TOO_MANY_LATER: {
    message:
      'More than {limit} rows were changed later; undoing all of those changes too is not something to do by a flag.',
    hint: 'Undo the later transactions first (the plan names them), or return the tables to a moment: `tidings undo --table … --to TIME`.',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
