import type { ErrorEntry } from '../entry.ts';

export const LOG_ERRORS = {
  LOG_FULL: {
    message: 'The disk that holds {path} is full. Capture waits; nothing is lost or acknowledged.',
    hint: 'Free some space: capture goes on by itself. `tidings log trim --keep-bytes N` removes old records.',
    retryable: true,
    exit: 1,
  },
  LOG_PRUNED: {
    message: 'Offset {offset} of log {source} was removed by retention; the oldest is {floor}.',
    hint: 'Start at the floor: `--from floor`, or at a later offset.',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
