import type { Administration } from '../app/administration.ts';
import type { Tidings } from '../app/tidings.ts';

/** What the API is in front of. */
export type Service = Tidings & Administration;
