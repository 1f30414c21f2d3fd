import type { ErrorEntry } from '../entry.ts';

export const FILE_ERRORS = {
  FILE_FOREIGN: {
    message: '{path} ends in the middle of a line that Tidings did not write.',
    hint: 'End that line, for instance with `echo >> {path}`, or let `to.file.path` name another file.',
    retryable: true,
    exit: 1,
  },
} as const satisfies Record<string, ErrorEntry>;
