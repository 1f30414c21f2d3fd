import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from '../../config/define-config.ts';
import { endpointOf } from '../../config/sink-kinds.ts';
import { missingValue, ofEndpoint } from '../../option/missing-value.ts';
import type { CheckResult } from '../../observe/check-result.ts';
import { compileFilter } from '../../subscription/filter.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { toFilter } from '../subscriptions/subscription-definition.ts';
import { shellWord } from '../../errors/shell-word.ts';
import { freeBytes } from '../free-space.ts';

/** The nearest folder that exists: the data directory itself is made at the first start. */
function existing(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : existing(dirname(path));
}

/** What `doctor` says about the place where log and state are kept. */
export async function checkDataDirectory(config: Config): Promise<readonly CheckResult[]> {
  const { dataDir } = config;
  const folder = existing(dataDir);
  const checks: CheckResult[] = [];
  try {
    accessSync(folder, constants.W_OK);
    const message = folder === dataDir ? `${dataDir} can be written` : `${dataDir} can be made`;
    checks.push({ name: 'data directory', status: 'ok', message });
  } catch {
    // The answer is the check's result.
    const message = `${folder} cannot be written by this user`;
    const fix = `chown "$(id -un)" ${shellWord(folder)}`;
    checks.push({ name: 'data directory', status: 'failed', message, fix });
  }
  const free = await freeBytes(folder);
  const { minFreeBytes } = config.log;
  const figures = `${(free / 1e9).toFixed(1)} GB free, ${(minFreeBytes / 1e9).toFixed(2)} GB are kept free`;
  const name = 'free space';
  if (free >= minFreeBytes) checks.push({ name, status: 'ok', message: figures });
  else {
    const fix = 'Free some space, or set log.minFreeBytes lower';
    checks.push({ name, status: 'failed', message: `${figures}: capture would wait`, fix });
  }
  return checks;
}

function failed(error: unknown): Omit<CheckResult, 'name'> {
  if (!isTidingsError(error)) throw error;
  return { status: 'failed', message: error.message, fix: error.hint };
}

/** What `doctor` says about each configured subscription, without starting any. */
export function checkSubscriptions(config: Config): readonly CheckResult[] {
  return Object.entries(config.subscriptions).map(([name, subscription]): CheckResult => {
    const { to } = subscription;
    try {
      compileFilter(toFilter(subscription));
    } catch (error) {
      return { name, ...failed(error) };
    }
    const endpoint = endpointOf(to);
    const [first] = endpoint.missing();
    if (first !== undefined) {
      return { name, ...failed(missingValue(ofEndpoint(name, first), 'command')) };
    }
    try {
      return { name, ...endpoint.check(name) };
    } catch (error) {
      return { name, ...failed(error) };
    }
  });
}
