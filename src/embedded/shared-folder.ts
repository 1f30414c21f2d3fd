import { lstatSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { TidingsError } from '../errors/tidings-error.ts';

/**
 * Where root puts what another user has to reach. The first belongs to root on any system; the
 * second is for systems whose /var/lib cannot be written.
 */
const CANDIDATES = ['/var/lib/tidings', '/var/tmp/tidings'];

/**
 * A folder that every user can enter and only root can write: what is executed from it must not be
 * somebody else's.
 * @throws TidingsError `EMBEDDED_FAILED` when none can be had.
 */
export async function sharedFolder(): Promise<string> {
  const problems: string[] = [];
  for (const path of CANDIDATES) {
    try {
      await mkdir(path, { recursive: true, mode: 0o755 });
      if (isRootsAlone(path)) return path;
      problems.push(`${path} does not belong to root alone`);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new TidingsError('EMBEDDED_FAILED', {
    reason: `it does not run as root, and there is no folder to hand over: ${problems.join('; ')}`,
    log: '(none yet)',
  });
}

/** Looks at the entry itself, so that a link somebody put there is not followed. */
export function isRootsAlone(path: string): boolean {
  const entry = lstatSync(path);
  return entry.isDirectory() && entry.uid === 0 && (entry.mode & 0o022) === 0;
}
