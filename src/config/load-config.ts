import { existsSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, extname, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Config } from './define-config.ts';
import { JsonProblem, parseJson } from './json-check.ts';
import { applyOverrides, findOverrides, type Flags } from './overrides.ts';
import { DEFAULT_SOURCE, resolveConfig } from './resolve-config.ts';
import { withSecretFiles } from './secret-files.ts';

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
 * file, that over the default. `DATABASE_URL` is the address of source `main` when no source is
 * configured, or when that one has none. Secrets may lie in files (`withSecretFiles`).
 * @throws TidingsError with a code that begins with `CONFIG_` or `SECRET_`.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { cwd } = options;
  const env = withSecretFiles(options.env);
  const file = findConfigFile(options);
  const name = file === null ? 'the configuration' : displayPath(file, cwd);
  const written = file === null ? {} : await readConfigFile(file, name);
  const overrides = findOverrides(env, options.flags ?? {}, cwd);
  const url = lacksUrl(written) ? env['DATABASE_URL'] : undefined;
  if (url !== undefined && url !== '') {
    overrides.push({ path: URL_PATH, value: url, origin: 'environment variable DATABASE_URL' });
  }
  const config = resolveConfig(applyOverrides(written, overrides), {
    name,
    directory: file === null ? cwd : dirname(file),
    overriddenBy: (path) => {
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
  const stack = error.stack ?? '';
  const lines = [pathToFileURL(file).href, file].flatMap((name) => {
    const at = stack.indexOf(`${name}:`);
    return /^\d+/.exec(at === -1 ? '' : stack.slice(at + name.length + 1)) ?? [];
  });
  const place = lines[0] === undefined ? '' : ` (line ${lines[0]})`;
  return `${error.name}: ${message}${place}`;
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
