import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/define-config.ts';
import type { CheckResult } from '../../source/source.ts';

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
  const entries = await readdir(logs, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !Object.hasOwn(sources, entry.name))
    .map(({ name }) => name)
    .toSorted();
}

/** What `doctor` says of them. */
export async function checkUnconfigured(config: Config): Promise<readonly CheckResult[]> {
  return (await unconfiguredSources(config)).map((source) => ({
    name: `source ${source}`,
    status: 'warning',
    message: `The configuration does not list it, and its log is here. ${LEFT}`,
    fix: `tidings uninstall --source ${source} --url URL   # URL: of its database`,
  }));
}

/** What is to be known of such a source. */
export const LEFT =
  'Unless it was removed, its slot still holds back WAL in its database, which may fill the disk.';
