import type { ErrorEntry } from '../entry.ts';

export const CONFIG_ERRORS = {
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
    hint: "Correct `where`, for instance: where: 'after.balance > 100 && after.email != null'. docs/reference/filters.md has the whole language.",
    retryable: false,
    exit: 64,
  },
  FILTER_FAILED: {
    message: 'The condition `{where}` has no answer for change {change} of {table}: {problem}.',
    hint: 'Correct `where` of the subscription so that it holds for such changes too, then `tidings start`. has(after.column) guards a column that is not always there, `before == null` the missing old row.',
    retryable: false,
    exit: 1,
  },
} as const satisfies Record<string, ErrorEntry>;
