import type { ErrorEntry } from '../entry.ts';

export const DELIVERY_ERRORS = {
  SUBSCRIPTION_EXISTS: {
    message: 'A subscription named {name} is already there.',
    hint: 'Choose another name, or change the one that is there in the configuration.',
    retryable: false,
    exit: 2,
  },
  SUBSCRIPTION_UNKNOWN: {
    message: 'There is no subscription named {name}.',
    hint: '`tidings status` lists them.',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
