import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import type { Home } from './home.ts';
import { findPostmaster, stopPostmaster } from './postmaster.ts';

/**
 * Removes databases that are elsewhere (see `openHome`) and whose own directory is gone. Only those
 * of temporary directories: another directory may be on a disk that is just not mounted.
 */
export async function removeLeftOvers(home: Home): Promise<void> {
  if (home.place === home.directory) return;
  const folder = dirname(home.place);
  for (const name of await readdir(folder)) {
    const place = join(folder, name);
    const directory = await readFile(join(place, 'origin'), 'utf8').catch(() => ''); // No database.
    if (!directory.startsWith(`${tmpdir()}${sep}`) || existsSync(directory)) continue;
    const left = { ...home, directory, place, data: join(place, 'data') };
    const running = findPostmaster(left);
    if (running !== null) await stopPostmaster(running.pid);
    await rm(place, { recursive: true, force: true });
  }
}
