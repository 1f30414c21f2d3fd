import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config, EndpointConfig } from '../../config/define-config.ts';
import { requireOfWebhook } from '../../config/needed.ts';
import type { CheckResult } from '../../source/source.ts';
import { compileFilter } from '../../subscription/filter.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { readCertificates } from '../subscriptions/read-certificates.ts';
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

/** A webhook that lacks its address, its secret or a certificate; null when all are there. */
function missingOf(
  name: string,
  { webhook }: Extract<EndpointConfig, { readonly webhook: unknown }>,
): Omit<CheckResult, 'name'> | null {
  try {
    for (const key of ['url', 'secret'] as const)
      requireOfWebhook(name, key, { value: webhook[key], reader: 'command' });
    readCertificates(name, webhook);
    return null;
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    return { status: 'failed', message: error.message, fix: error.hint };
  }
}

/** What `doctor` says about each configured subscription, without starting any. */
export function checkSubscriptions(config: Config): readonly CheckResult[] {
  return Object.entries(config.subscriptions).map(([name, subscription]): CheckResult => {
    const { to } = subscription;
    try {
      compileFilter(toFilter(subscription));
    } catch (error) {
      if (!isTidingsError(error)) throw error;
      return { name, status: 'failed', message: error.message, fix: error.hint };
    }
    if ('webhook' in to) {
      const missing = missingOf(name, to);
      if (missing !== null) return { name, ...missing };
      const { origin } = new URL(to.webhook.url ?? '');
      return {
        name,
        status: 'ok',
        message: `posts to ${origin}; \`tidings trigger-test ${name}\` tries it`,
      };
    }
    if (existsSync(to.handler)) return { name, status: 'ok', message: `tells ${to.handler}` };
    const message = `its handler module ${to.handler} is not there`;
    return { name, status: 'failed', message, fix: 'Write it, or change to.handler' };
  });
}
