import type { ErrorEntry } from '../entry.ts';

export const FILE_ERRORS = {
  FILE_FOREIGN: {
    message: '{path} ends in the middle of a line that Tidings did not write.',
    hint: 'End that line, or let `to.file.path` name another file. Until then its changes wait.',
    retryable: true,
    exit: 1,
  },
  FILE_SHARED: {
    message: '{path} is the same file as that of another subscription, by another name.',
    hint: 'Let each `to.file.path` name a file of its own. Until then its changes wait.',
    retryable: true,
    exit: 1,
  },
} as const satisfies Record<string, ErrorEntry>;
