import type { ErrorEntry } from '../entry.ts';

export const SOURCE_ERRORS = {
  SOURCE_REWOUND: {
    message: 'Database {source} is at {to}, before {from}, where its log ends: it was restored to an earlier moment.',
    hint: 'Keep the log under its name and begin another: give the source a new name in the configuration, then run `tidings start`.',
    retryable: false,
    exit: 2,
  },
  SOURCE_CHANGED: {
    message: 'Source {source} now leads to another database ({found}) than the one its log was made from ({expected}).',
    hint: 'Point its url back, or give the new database a source name of its own.',
    retryable: false,
    exit: 2,
  },
} as const satisfies Record<string, ErrorEntry>;
