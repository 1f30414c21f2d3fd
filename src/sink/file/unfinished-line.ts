import type { FileHandle } from 'node:fs/promises';
import { WIRE_START } from '../../change/wire.ts';
import { TidingsError } from '../../errors/tidings-error.ts';

const STEP = 64 << 10;
const NEWLINE = 0x0a;

/**
 * How many bytes at the end of a file are a line that a crash cut off. Its change was not
 * acknowledged and comes again, so the bytes may go. After a crash of the machine they may be zeros,
 * where the file had got its length and not yet its content.
 * @param size bytes of the file.
 * @throws TidingsError `FILE_FOREIGN` when the line does not begin as ours do: nothing of it may be removed.
 */
export async function unfinishedLine(
  handle: FileHandle,
  size: number,
  path: string,
): Promise<number> {
  const buffer = Buffer.alloc(Math.min(STEP, size));
  let start = size;
  let isBlank = true;
  while (start > 0) {
    const from = Math.max(0, start - STEP);
    const { bytesRead } = await handle.read(buffer, 0, start - from, from);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    const tail = buffer.subarray(newline + 1, bytesRead);
    isBlank &&= tail.every((byte) => byte === 0);
    start = from + newline + 1;
    if (newline !== -1) break;
  }
  if (start === size || isBlank) return size - start;
  const beginning = Buffer.alloc(Math.min(WIRE_START.length, size - start));
  await handle.read(beginning, 0, beginning.length, start);
  if (!WIRE_START.startsWith(beginning.toString('latin1'))) {
    throw new TidingsError('FILE_FOREIGN', { path });
  }
  return size - start;
}
