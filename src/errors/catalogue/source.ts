import type { ErrorEntry } from '../entry.ts';

export const SOURCE_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
