import { join } from 'node:path';

/** Where a demo lives unless told otherwise, seen from the current directory. */
export const DEFAULT_DEMO_DIRECTORY = join('.tidings', 'demo');
