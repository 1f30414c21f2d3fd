import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Config } from './define-config.ts';
import { type EnvFile, readEnvFile, type Variables, withEnvFile } from './env-file.ts';
import { importConfig } from './import-config.ts';
import { applyOverrides, findOverrides, type Flags } from './overrides.ts';
import { DEFAULT_SOURCE, resolveConfig } from './resolve-config.ts';
import { withSecretFiles } from './secret-files.ts';

/** Looked for in the working directory. */
export const CONFIG_FILES: readonly string[] = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'].map(
  (ending) => `tidings.config.${ending}`,
);

export interface LoadOptions {
  /** The file, relative to `cwd`. Default: `TIDINGS_CONFIG`, else one of {@link CONFIG_FILES}. */
  readonly path?: string | undefined;
  readonly env: Variables;
  readonly cwd: string;
  readonly flags?: Flags;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, absolute; null when there is none. */
  readonly file: string | null;
  /** Where `DATABASE_URL` is set, without what it says. */
  readonly databaseUrl: DatabaseUrlOrigin;
}

/** Where `DATABASE_URL` comes from: the environment, the file `.env` (its path), or nowhere. */
export type DatabaseUrlOrigin =
  | {
      readonly from: 'environment';
      /** A `.env` that says something else. */
      readonly over: string | null;
    }
  | { readonly from: 'file'; readonly file: string }
  | null;

/**
 * Finds, reads and checks the configuration. A flag wins over an environment variable, that over the
 * `.env` beside the file, that over the file, that over the default. `DATABASE_URL` is the address of
 * source `main` when no source is configured, or when that one has none. Secrets may lie in files
 * (`withSecretFiles`).
 * @throws TidingsError with a code that begins with `CONFIG_` or `SECRET_`.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { cwd } = options;
  const given = withSecretFiles(options.env);
  const file = findConfigFile(options);
  const name = file === null ? 'the configuration' : displayPath(file, cwd);
  const envFile = readEnvFile(file === null ? cwd : dirname(file));
  const databaseUrl = originOfDatabaseUrl(given, envFile);
  const env = withSecretFiles(withEnvFile(options.env, withoutGiven(envFile, given)));
  const written = file === null ? {} : await importConfig(file, name, cwd);
  const overrides = findOverrides(env, options.flags ?? {}, cwd);
  const url = lacksUrl(written) ? env['DATABASE_URL'] : undefined;
  if (url !== undefined && url !== '') {
    const origin =
      databaseUrl?.from === 'file' ? displayPath(databaseUrl.file, cwd) : 'environment variable';
    overrides.push({ path: URL_PATH, value: url, origin: `${origin} DATABASE_URL` });
  }
  const config = resolveConfig(applyOverrides(written, overrides), {
    name,
    directory: file === null ? cwd : dirname(file),
    overriddenBy: (path) => {
      const key = path.join('.');
      return overrides.find((override) => override.path.join('.') === key)?.origin ?? null;
    },
  });
  return { config, file, databaseUrl };
}

/** The file that `loadConfig` would read, absolute; null when there is none. */
export function findConfigFile(options: Omit<LoadOptions, 'flags'>): string | null {
  const { cwd, env } = options;
  const named = options.path ?? env['TIDINGS_CONFIG'];
  if (named !== undefined && named !== '') {
    const file = resolve(cwd, named);
    if (!existsSync(file)) throw new TidingsError('CONFIG_MISSING', { path: named });
    return file;
  }
  const found = CONFIG_FILES.filter((name) => existsSync(resolve(cwd, name)));
  if (found.length > 1) {
    throw new TidingsError('CONFIG_AMBIGUOUS', { directory: cwd, files: found.join(', ') });
  }
  return found[0] === undefined ? null : resolve(cwd, found[0]);
}

/** What is set, or lies in a file that is named there, wins over `.env`, which may name a file too. */
function withoutGiven({ file, variables }: EnvFile, given: Variables): EnvFile {
  const kept = Object.entries(variables).filter(
    ([name]) => given[name] === undefined && given[name.replace(/_FILE$/, '')] === undefined,
  );
  return { file, variables: Object.fromEntries(kept) };
}

function originOfDatabaseUrl(env: Variables, { file, variables }: EnvFile): DatabaseUrlOrigin {
  const here = env['DATABASE_URL'];
  const there = variables['DATABASE_URL'] ?? variables['DATABASE_URL_FILE'];
  if (here !== undefined) {
    if (here === '') return null;
    return { from: 'environment', over: there === undefined || there === here ? null : file };
  }
  return file === null || there === undefined || there === '' ? null : { from: 'file', file };
}

function displayPath(file: string, cwd: string): string {
  const fromHere = relative(cwd, file);
  return fromHere.startsWith('..') ? file : fromHere;
}

const URL_PATH = ['sources', DEFAULT_SOURCE, 'url'];

/** True when no source is configured, or the one with the default name has no address. */
function lacksUrl(written: unknown): boolean {
  const sources = member(written, 'sources');
  if (sources === undefined) return true;
  const source = member(sources, DEFAULT_SOURCE);
  return source !== undefined && member(source, 'url') === undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
