import type { ErrorEntry } from '../entry.ts';

export const CONFIG_ERRORS = {
  CONFIG_MISSING: {
    message: 'There is no configuration file {path}.',
    hint: 'Write one with `tidings init --config {path}`, or name the right one.',
    retryable: false,
    exit: 64,
  },
  CONFIG_AMBIGUOUS: {
    message: '{directory} has more than one configuration file: {files}.',
    hint: 'Remove all but one, or choose with --config PATH (TIDINGS_CONFIG).',
    retryable: false,
    exit: 64,
  },
  CONFIG_SYNTAX: {
    message: '{path} is not valid JSON at line {line}, column {column}: {problem}.\n{excerpt}',
    hint: 'Correct that line. Comments and commas after the last entry need a .ts or .js file.',
    retryable: false,
    exit: 64,
  },
  CONFIG_NOT_LOADED: {
    message: '{path} could not be loaded: {reason}',
    hint: 'Correct it there. A file exports its configuration as default, or as module.exports in CommonJS; `tidings init` writes one that does.',
    retryable: false,
    exit: 64,
  },
  CONFIG_UNKNOWN_KEY: {
    message: '{origin}: there is no option {key}.',
    hint: '{advice} All options: docs/reference/configuration.md.',
    retryable: false,
    exit: 64,
  },
  CONFIG_INVALID: {
    message: '{origin}: {key} {problem}.',
    hint: 'Correct {key} there. All options: docs/reference/configuration.md.',
    retryable: false,
    exit: 64,
  },
  CONFIG_VALUE_MISSING: {
    message: 'The configuration has no value for {key}.',
    hint: 'Where it comes from an environment variable, that is not set: {how}, for instance {example}',
    retryable: false,
    exit: 64,
  },
  ENV_FILE_LINE: {
    message:
      '{path}, line {line} names {variable} and sets nothing: behind the name has to be an =.',
    hint: 'Write {variable}=… there, or begin the line with # when it is only a remark.',
    retryable: false,
    exit: 64,
  },
  CONFIG_NOT_YET: {
    message: '{origin}: {key} {problem}, which this version of Tidings does not have yet.',
    hint: 'Leave it out. docs/reference/configuration.md lists what there is.',
    retryable: false,
    exit: 64,
  },
  SECRET_FILE_UNREADABLE: {
    message: 'The file that {variable}_FILE names cannot be read: {reason}.',
    hint: 'Put the secret there and let the user read it whom Tidings runs as, or correct {variable}_FILE.',
    retryable: false,
    exit: 64,
  },
  SECRET_TWICE: {
    message: 'Both {variable} and {variable}_FILE are set.',
    hint: 'Leave one of them: `unset {variable}`.',
    retryable: false,
    exit: 64,
  },
  CONFIG_SOURCE_UNKNOWN: {
    message: '{origin}: {key} names a source {source} that is not configured.',
    hint: '{advice}',
    retryable: false,
    exit: 64,
  },
  CONFIG_PROBLEMS: {
    message: '{origin} has {count} problems:\n{problems}',
    hint: 'Correct them there. All options: docs/reference/configuration.md.',
    retryable: false,
    exit: 64,
  },
  DATA_LOCKED: {
    message: 'Another process (pid {pid}) uses the data directory {path}.',
    hint: 'Stop it, or choose another directory with --data-dir. `tidings status` shows what it does.',
    retryable: false,
    exit: 2,
  },
  TABLE_PATTERN_INVALID: {
    message: 'Table pattern {pattern} {problem}.',
    hint: 'Write schema.table, with * for any characters and a leading ! to leave out: {suggestion}',
    retryable: false,
    exit: 64,
  },
  FILTER_INVALID: {
    message: 'The condition is not valid at line {line}, column {column}: {problem}.\n{excerpt}',
    hint: "Correct `where`, for instance: where: 'after.balance > 100 && after.email != null'. docs/guide/filters.md has the whole language.",
    retryable: false,
    exit: 64,
  },
  FILTER_FAILED: {
    message: 'The condition `{where}` has no answer for change {change} of {table}: {problem}.',
    hint: 'Correct `where` of the subscription so that it holds for such changes too, then `tidings start`. has(after.column) guards a column that is not always there, `before == null` the missing old row.',
    retryable: false,
    exit: 1,
  },
  CONFIG_NO_SOURCE: {
    message: 'No database is configured.',
    hint: '{how}',
    retryable: false,
    exit: 64,
  },
  STATE_MISSING: {
    message:
      'There is a log, but the state beside it ({path}) is gone: with it the place of every subscription.',
    hint: 'Put the file back. {advice}',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
