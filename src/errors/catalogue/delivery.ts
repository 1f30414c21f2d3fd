import type { ErrorEntry } from '../entry.ts';

export const DELIVERY_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
