import type { ErrorEntry } from '../entry.ts';

export const LOG_ERRORS = {
  LOG_FULL: {
    message: 'The disk that holds {path} is full. Capture waits; nothing is lost or acknowledged.',
    hint: 'Free some space: capture goes on by itself. `tidings log trim --keep-bytes N` removes old records.',
    retryable: true,
    exit: 1,
  },
  LOG_IO: {
    message: 'The log file {path} cannot be read or written: {problem}.',
    hint: 'See that the disk is well and that the directory belongs to the user Tidings runs as; capture tries again by itself.',
    retryable: true,
    exit: 1,
  },
  LOG_CORRUPT: {
    message: 'The log file {path} is damaged: {problem}.',
    hint: 'Run `tidings log verify`: it lists all that is wrong. A sealed segment can be put back from a copy of the file.',
    retryable: false,
    exit: 1,
  },
  LOG_RECORD_TOO_LARGE: {
    message:
      'A change of {bytes} bytes does not fit into the log, which takes up to {limit} for one row.',
    hint: "Take the table out of the source's `tables`, or keep values of this size outside of the row.",
    retryable: false,
    exit: 1,
  },
  LOG_BEGINNING_LOST: {
    message:
      'The log of source {source} begins at offset {floor}, and nobody has trimmed what was before it from offset {from} on: its oldest files are gone. Subscriptions that have not read it miss it, and changes in it cannot be looked at or undone.',
    hint: 'Put the files back into {path} while the service is stopped. If they are lost, `tidings log trim --source {source} --before {floor} --force` notes that.',
    retryable: false,
    exit: 1,
  },
  LOG_END_LOST: {
    message:
      'The log of source {source} ends before offset {head}, but subscription {subscription} has had changes up to offset {known}: the newest files of the log are gone.',
    hint: 'Put them back into {path}. To begin anew with every subscription at its `from`, move the data directory away: mv {dataDir} {moved}',
    retryable: false,
    exit: 2,
  },
  VALUE_TOO_LARGE: {
    message:
      'Change {change} of {table} is too large to be handed on: as one text it would have more than the {limit} characters that there can be, and column {column} is {bytes} of its bytes.',
    hint: 'It is whole in the log, and holds up nothing behind it. A subscription whose `columns` leave the column out gets the change; the value itself can be had from the database.',
    retryable: false,
    exit: 1,
  },
  TEXT_TOO_LONG: {
    message:
      'A value of the log is too large for this: as a text it would have more than the {limit} characters that there can be.',
    hint: 'Nothing was written. `tidings tail --from floor --no-follow` names the changes with such values and their columns; say more closely what is meant, so that none of them is.',
    retryable: false,
    exit: 1,
  },
  LOG_PRUNED: {
    message:
      'Offset {offset} of log {source} was removed by retention; the oldest is {floor}.{kept}',
    hint: 'Begin at the floor or later: `--from floor`, of an undo `--since {floor}`.{way}',
    retryable: false,
    exit: 2,
  },
  DATA_NEWER: {
    message:
      '{path} was written by a newer version of Tidings (format {found}; this one knows up to {known}).',
    hint: 'Run the newer version again, or name another directory with --data-dir.',
    retryable: false,
    exit: 2,
  },
  LOG_NEEDED: {
    message: 'Log {source} is not trimmed before {before}: subscription {subscription} {needs}.',
    hint: 'See why with `tidings subscriptions show {subscription}`. Or add --force: the subscription is told what it missed.',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
