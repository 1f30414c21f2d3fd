import type { FileHandle } from 'node:fs/promises';
import { WIRE_START } from '../../change/wire.ts';
import { TidingsError } from '../../errors/tidings-error.ts';

const STEP = 64 << 10;
const NEWLINE = 0x0a;

/**
 * How many bytes at the end of a file are a line that a crash cut off. Its change was not
 * acknowledged and comes again, so the bytes may go.
 * @param size bytes of the file.
 * @throws TidingsError `FILE_FOREIGN` when the line does not begin as ours do: nothing of it may be removed.
 */
export async function unfinishedLine(
  handle: FileHandle,
  size: number,
  path: string,
): Promise<number> {
  let start = size;
  const buffer = Buffer.alloc(Math.min(STEP, size));
  while (start > 0) {
    const from = Math.max(0, start - STEP);
    const { bytesRead } = await handle.read(buffer, 0, start - from, from);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline !== -1) {
      start = from + newline + 1;
      break;
    }
    start = from;
  }
  if (start === size) return 0;
  const beginning = Buffer.alloc(Math.min(WIRE_START.length, size - start));
  await handle.read(beginning, 0, beginning.length, start);
  if (!WIRE_START.startsWith(beginning.toString('latin1')))
    throw new TidingsError('FILE_FOREIGN', { path });
  return size - start;
}
