import type { ErrorEntry } from '../entry.ts';

export const CONFIG_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
