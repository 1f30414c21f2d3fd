import { join, parse } from 'node:path';
import type { Rotation } from './file-settings.ts';

/** What is known of the file before something is appended. */
interface Written {
  readonly bytes: number;
  /** When something was last written to it; milliseconds since 1970. */
  readonly at: number;
}

/**
 * Whether a new file has to begin before the next line. Periods are counted from 1970 in UTC, and
 * the file itself says when it was last written to: so a restart rotates neither too early nor twice.
 */
export function isFull({ size, every }: Rotation, { bytes, at }: Written, now: number): boolean {
  if (bytes === 0) return false;
  if (size !== undefined && bytes >= size) return true;
  return every !== undefined && Math.floor(at / every) !== Math.floor(now / every);
}

/**
 * What a full file is called from now on: `changes.ndjson` becomes
 * `changes.2026-11-30T08-27-51-123Z.ndjson`; such names sort by time.
 * @param nth 0, and one more for each name that is taken already.
 */
export function rotatedName(path: string, now: number, nth: number): string {
  const { dir, name, ext } = parse(path);
  const time = new Date(now).toISOString().replace(/[:.]/g, '-');
  return join(dir, `${name}.${time}${nth === 0 ? '' : `-${nth}`}${ext}`);
}
