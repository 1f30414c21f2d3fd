import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, extname, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Config } from './define-config.ts';
import { JsonProblem, parseJson } from './json-check.ts';
import { applyOverrides, findOverrides, type Flags } from './overrides.ts';
import { DEFAULT_SOURCE, resolveConfig } from './resolve-config.ts';

/** Looked for in the working directory. */
export const CONFIG_FILES = [
  'tidings.config.ts',
  'tidings.config.js',
  'tidings.config.json',
] as const;

export interface LoadOptions {
  /** The file, relative to `cwd`. Default: `TIDINGS_CONFIG`, else one of {@link CONFIG_FILES}. */
  readonly path?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly flags?: Flags;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, absolute; null when there is none. */
  readonly file: string | null;
}

/**
 * Finds, reads and checks the configuration. A flag wins over an environment variable, that over the
 * file, that over the default. Where no source is configured, `DATABASE_URL` makes one.
 * @throws TidingsError with a code that begins with `CONFIG_`.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { env, cwd } = options;
  const file = findConfigFile(options);
  const name = file === null ? 'the configuration' : displayPath(file, cwd);
  const written = file === null ? {} : await readConfigFile(file, name);
  const overrides = findOverrides(env, options.flags ?? {}, cwd);
  const databaseUrl = env['DATABASE_URL'];
  const usesDatabaseUrl = databaseUrl !== undefined && databaseUrl !== '' && !hasSources(written);
  const input = usesDatabaseUrl
    ? { ...(written as object), sources: { [DEFAULT_SOURCE]: { url: databaseUrl } } }
    : written;
  const config = resolveConfig(applyOverrides(input, overrides), {
    name,
    directory: file === null ? cwd : dirname(file),
    overriddenBy: (path) => {
      if (usesDatabaseUrl && path[0] === 'sources') return 'environment variable DATABASE_URL';
      const key = path.join('.');
      return overrides.find((override) => override.path.join('.') === key)?.origin ?? null;
    },
  });
  return { config, file };
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

function displayPath(file: string, cwd: string): string {
  const fromHere = relative(cwd, file);
  return fromHere.startsWith('..') ? file : fromHere;
}

/** True also when the file's own shape is wrong: then that has to be reported, not covered up. */
function hasSources(written: unknown): boolean {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return true;
  return Reflect.get(written, 'sources') !== undefined;
}

async function readConfigFile(file: string, name: string): Promise<unknown> {
  if (extname(file) === '.json') return readJson(file, name);
  useOwnPackage();
  let exported: { readonly default?: unknown };
  try {
    exported = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  } catch (error) {
    throw new TidingsError(
      'CONFIG_NOT_LOADED',
      { path: name, reason: reasonOf(error, file) },
      { cause: error },
    );
  }
  if (exported.default === undefined) {
    throw new TidingsError('CONFIG_NOT_LOADED', {
      path: name,
      reason: 'it has no default export.',
    });
  }
  return exported.default;
}

function readJson(file: string, name: string): unknown {
  try {
    return parseJson(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof JsonProblem) {
      const details = { path: name, ...error.place, problem: error.message };
      throw new TidingsError('CONFIG_SYNTAX', details, { cause: error });
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new TidingsError('CONFIG_NOT_LOADED', { path: name, reason }, { cause: error });
  }
}

/** The error's first line, and the line of the file when the stack tells it. */
function reasonOf(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  const [message = ''] = error.message.split('\n');
  const text = `${error.name}: ${message}`;
  const stack = error.stack ?? '';
  const at = stack.indexOf(pathToFileURL(file).href);
  const place = at === -1 ? null : /^[^\s:]*:(?:\/\/)?[^\s:]+:(\d+)/.exec(stack.slice(at));
  return place === null ? text : `${text} (line ${place[1]})`;
}

let ownPackageInUse = false;

/**
 * Lets configuration files and handler modules `import … from 'tidings'` whatever is installed where
 * they lie: they get the Tidings that runs, so that there is one of it in the process.
 */
function useOwnPackage(): void {
  if (ownPackageInUse) return;
  ownPackageInUse = true;
  const index = new URL(`../index${extname(import.meta.filename)}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier === 'tidings' ? index : specifier, context),
  });
}
