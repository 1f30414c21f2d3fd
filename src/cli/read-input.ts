import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Io } from './io.ts';

/** The text of a file; `-` is standard input. */
export async function readInput(name: string, { cwd, signal }: Io): Promise<string> {
  if (name !== '-') return await readFile(resolve(cwd, name), { encoding: 'utf8', signal });
  return await text(addAbortSignal(signal, process.stdin));
}
