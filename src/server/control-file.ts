import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';

/** How a command of this machine reaches the service that runs on a data directory. */
export interface Control {
  /** Of the API, without a slash at the end. */
  readonly url: string;
  /** Has all rights; new at each start. */
  readonly token: string;
  readonly pid: number;
}

/** For its owner alone: who can read the data directory has the rows anyway. */
const OWNER_ONLY = 0o600;

/** Where the file lies. */
export function controlFile(dataDir: string): string {
  return join(dataDir, 'control.json');
}

/**
 * Writes the file, over one that a killed service has left. By renaming, so that nobody reads half
 * of it, and so that an older file's looser rights do not stay.
 * @throws TidingsError `CONTROL_FILE_FAILED`
 */
export function writeControlFile(dataDir: string, control: Control): void {
  const path = controlFile(dataDir);
  const unfinished = `${path}.${process.pid}`;
  try {
    rmSync(unfinished, { force: true });
    writeFileSync(unfinished, `${JSON.stringify(control)}\n`, { mode: OWNER_ONLY, flag: 'wx' });
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    throw new TidingsError('CONTROL_FILE_FAILED', { path, reason }, { cause: error });
  }
}

/** Removes the file. */
export function removeControlFile(dataDir: string): void {
  rmSync(controlFile(dataDir), { force: true });
}

/**
 * Reads the file; null when there is none, or none that says what it should. The service may be gone
 * all the same, when it was killed.
 */
export function readControlFile(dataDir: string): Control | null {
  try {
    const { url, token, pid } = JSON.parse(
      readFileSync(controlFile(dataDir), 'utf8'),
    ) as Partial<Control>;
    if (typeof url !== 'string' || typeof token !== 'string' || typeof pid !== 'number')
      return null;
    return { url, token, pid };
  } catch {
    // Missing, or not ours: either way there is no service to be found by it.
    return null;
  }
}
