import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/define-config.ts';
import { shellWord } from '../../errors/shell-word.ts';
import { parseSegmentName } from '../../log/sqlite/format.ts';
import type { CheckResult } from '../../observe/check-result.ts';

/**
 * Sources whose logs are in the data directory and that the configuration does not list, sorted. What
 * was made for them in their databases may still be there, and hold back WAL for nobody.
 */
export async function unconfiguredSources({
  dataDir,
  sources,
}: Config): Promise<readonly string[]> {
  const logs = join(dataDir, 'log');
  if (!existsSync(logs)) return [];
  const found: string[] = [];
  for (const entry of await readdir(logs, { withFileTypes: true })) {
    if (!entry.isDirectory() || Object.hasOwn(sources, entry.name)) continue;
    if (await hasSegment(join(logs, entry.name))) found.push(entry.name);
  }
  return found.toSorted();
}

/** False for what else may lie there: `lost+found` of a file system, which only root can read. */
async function hasSegment(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).some((name) => parseSegmentName(name) !== null);
  } catch (error) {
    // Not ours, or gone since it was listed.
    if (['EACCES', 'EPERM', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return false;
    }
    throw error;
  }
}

/** What `doctor` says of them. */
export async function checkUnconfigured(config: Config): Promise<readonly CheckResult[]> {
  return (await unconfiguredSources(config)).map((source) => ({
    name: `source ${source}`,
    status: 'warning',
    message: `The configuration does not list it, and its log is here. ${LEFT}`,
    fix: `tidings uninstall --source ${shellWord(source)} --url URL   # URL: of its database`,
  }));
}

/** What is to be known of such a source. */
export const LEFT =
  'Unless it was removed, its slot still holds back WAL in its database, which may fill the disk.';
