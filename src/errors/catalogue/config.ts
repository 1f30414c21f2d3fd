import type { ErrorEntry } from '../entry.ts';

export const CONFIG_ERRORS = {
  DATA_LOCKED: {
    message: 'Another process (pid {pid}) uses the data directory {path}.',
    hint: 'Stop it, or choose another directory with --data-dir. `tidings status` shows what it does.',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
