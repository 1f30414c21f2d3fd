import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/define-config.ts';
import { noSource } from '../config/needed.ts';

/** Where an own PostgreSQL is kept when no database is configured. */
export function embeddedDirectory(config: Config): string {
  return join(config.dataDir, 'postgres');
}

/** Lets the other commands find the database that `start` brought up. */
function addressFile(config: Config): string {
  return join(config.dataDir, 'postgres.url');
}

/** Writes the address down; it holds the password. */
export function rememberEmbedded(config: Config, url: string): void {
  mkdirSync(config.dataDir, { recursive: true });
  writeFileSync(addressFile(config), `${url}\n`, { mode: 0o600 });
}

/** True when no database is configured, so that an own one is meant. */
export function meansEmbedded(config: Config): boolean {
  return Object.keys(config.sources).length === 0;
}

/**
 * The configuration with the own PostgreSQL as source `main` where none is configured; else with the
 * sources whose logs are there, without their addresses.
 * @throws TidingsError `CONFIG_NO_SOURCE` when there is none and was none yet.
 */
export async function withKnownSource(config: Config): Promise<Config> {
  if (!meansEmbedded(config)) return config;
  const file = addressFile(config);
  if (!existsSync(file)) return await withLoggedSources(config);
  return withSource(config, readFileSync(file, 'utf8').trim());
}

/** Who looks into a data directory needs no address: the logs there say which sources it has. */
async function withLoggedSources(config: Config): Promise<Config> {
  const logs = join(config.dataDir, 'log');
  const names = existsSync(logs) ? readdirSync(logs) : [];
  if (names.length === 0) throw noSource('command');
  const { resolveConfig } = await import('../config/resolve-config.ts');
  const sources = Object.fromEntries(names.map((name) => [name, {}]));
  return resolveConfig({ ...config, sources });
}

/** The configuration with one source, `main`, at this address. */
export async function withSource(config: Config, url: string): Promise<Config> {
  const { DEFAULT_SOURCE, resolveConfig } = await import('../config/resolve-config.ts');
  return resolveConfig({ ...config, sources: { [DEFAULT_SOURCE]: { url } } });
}
