import { statfs } from 'node:fs/promises';
import { TidingsError } from '../errors/tidings-error.ts';

/** Bytes that this process may still write on the disk of a folder. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/**
 * @throws TidingsError `LOG_FULL` when less than `minFreeBytes` is free: the rest belongs to the
 *   state, and to whatever else lives on that disk.
 */
export async function checkSpace(path: string, minFreeBytes: number): Promise<void> {
  if ((await freeBytes(path)) < minFreeBytes) throw new TidingsError('LOG_FULL', { path });
}
