import { existsSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Config } from './define-config.ts';
import { type EnvFile, readEnvFile, type Variables, withEnvFile } from './env-file.ts';
import { lineOfVariable, lineThatSetsNothing } from './env-lines.ts';
import { importConfig } from './import-config.ts';
import { lineOfKey } from './key-line.ts';
import { optionEntries } from './option-table.ts';
import { applyOverrides, findOverrides, type Flags } from './overrides.ts';
import { DEFAULT_SOURCE, resolveConfig } from './resolve-config.ts';
import { secretVariables, withSecretFiles } from './secret-files.ts';

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
  const added = withoutGiven(envFile, given);
  const env = withSecretFiles(withEnvFile(options.env, added));
  checkEnvFile(envFile, env, cwd);
  const written = file === null ? {} : await importConfig(file, name, cwd);
  const originOf = (variable: string): string => originOfVariable(variable, envFile, added, cwd);
  const overrides = findOverrides(env, options.flags ?? {}, cwd, originOf);
  const url = lacksUrl(written) ? env['DATABASE_URL'] : undefined;
  if (url !== undefined && url !== '') {
    overrides.push({ path: URL_PATH, value: url, origin: originOf('DATABASE_URL') });
  }
  const config = resolveConfig(applyOverrides(written, overrides), {
    name,
    directory: file === null ? cwd : dirname(file),
    lineOf: (path) => (file === null ? null : lineIn(file, written, path)),
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
function withoutGiven({ variables }: EnvFile, given: Variables): Variables {
  const kept = Object.entries(variables).filter(
    ([name]) => given[name] === undefined && given[name.replace(/_FILE$/, '')] === undefined,
  );
  return Object.fromEntries(kept);
}

/** Names a variable in messages, with the line of `.env` that sets it. */
function originOfVariable(
  variable: string,
  { file, text }: EnvFile,
  added: Variables,
  cwd: string,
): string {
  const set = [variable, `${variable}_FILE`].find((name) => added[name] !== undefined);
  if (file === null || set === undefined) return `environment variable ${variable}`;
  const line = lineOfVariable(text, set);
  return `${displayPath(file, cwd)}${line === null ? '' : `, line ${line}`}, ${set}`;
}

/** A line without `=` is passed over by Node.js. One that names a variable of ours was meant. */
function checkEnvFile({ file, text }: EnvFile, env: Variables, cwd: string): void {
  const ours = optionEntries().flatMap(([, entry]) => entry.env ?? []);
  const secrets = secretVariables().flatMap((name) => [name, `${name}_FILE`]);
  const unset = [...ours, ...secrets].filter((name) => env[name] === undefined);
  const found = file === null ? null : lineThatSetsNothing(text, unset);
  if (file === null || found === null) return;
  throw new TidingsError('ENV_FILE_LINE', { path: displayPath(file, cwd), ...found });
}

function lineIn(file: string, written: unknown, path: readonly PropertyKey[]): number | null {
  return lineOfKey(file, readFileSync(file, 'utf8').replace(/^\uFEFF/, ''), written, path);
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
