import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { withLogErrors } from './errors.ts';
import { syncDirectory } from './segment-files.ts';

/** A text file beside the segments: the offset up to which records were removed on purpose. */
const FILE = 'floor';
/** Its length never changes: on a full disk it has to be written over, so that trimming makes room. */
const DIGITS = 20;

/** A log that has stated its floor has had a segment ever since. */
export const SEGMENTS_GONE =
  'all its segments are gone. To begin anew, move the folder away together with state.sqlite';

/**
 * The floor as trimming has left it: null for a log that an earlier version has written. What is
 * missing from there on was removed by somebody else.
 */
export function statedFloor(directory: string): number | null {
  try {
    const text = readFileSync(join(directory, FILE), 'latin1').trim();
    return /^\d+$/.test(text) ? Number(text) : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** States, durably, that records below this offset are not kept any more. */
export function stateFloor(directory: string, floor: number): void {
  const path = join(directory, FILE);
  withLogErrors(path, () => {
    const isNew = statedFloor(directory) === null;
    const handle = openSync(path, isNew ? 'w' : 'r+', 0o600);
    try {
      writeSync(handle, `${String(floor).padStart(DIGITS, '0')}\n`, 0, 'latin1');
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (isNew) syncDirectory(directory);
  });
}

/** Offsets that are not in the log although nobody trimmed them; `to` is exclusive. */
export interface LostBeginning {
  readonly from: number;
  readonly to: number;
}

/** What is missing before the log's oldest record; null when nothing is, or nobody can know. */
export function lostBeginning(directory: string, floor: number): LostBeginning | null {
  const from = statedFloor(directory);
  return from !== null && from < floor ? { from, to: floor } : null;
}
