import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TidingsError } from '../../errors/tidings-error.ts';

/**
 * Writes the pieces of a script to a file; half a script is removed again.
 * @throws TidingsError `FILE_EXISTS`
 */
export async function writeScript(
  pieces: AsyncIterable<string>,
  file: string,
  { cwd, replace }: { readonly cwd: string; readonly replace: boolean },
): Promise<void> {
  const path = resolve(cwd, file);
  // It holds rows of the database: only its owner may read it.
  const stream = createWriteStream(path, { flags: replace ? 'w' : 'wx', mode: 0o600 });
  try {
    await pipeline(Readable.from(pieces), stream);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new TidingsError('FILE_EXISTS', { path: file }, { cause: error });
    }
    await rm(path, { force: true });
    throw error;
  }
}
