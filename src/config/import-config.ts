import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TidingsError } from '../errors/tidings-error.ts';
import { JsonProblem, parseJson } from './json-check.ts';
import { describeLoadFailure, excerpt } from './load-failure.ts';
import { prepareOwnModules } from './own-modules.ts';

/**
 * Reads what a configuration file says, unchecked.
 * @param file absolute.
 * @param name how messages call it.
 * @throws TidingsError `CONFIG_SYNTAX`, `CONFIG_NOT_LOADED`
 */
export async function importConfig(file: string, name: string, cwd: string): Promise<unknown> {
  // For JSON as well: the handlers that it names are modules of the project.
  prepareOwnModules();
  if (extname(file) === '.json') return readJson(file, name);
  let exported: unknown;
  try {
    exported = await importDefault(file);
  } catch (error) {
    const reason = describeLoadFailure(error, file, cwd);
    throw new TidingsError('CONFIG_NOT_LOADED', { path: name, reason }, { cause: error });
  }
  if (exported === undefined) {
    const reason = 'it has no default export.';
    throw new TidingsError('CONFIG_NOT_LOADED', { path: name, reason });
  }
  return exported;
}

/** The default export of a module, also of one that a compiler made CommonJS of. */
export async function importDefault(file: string): Promise<unknown> {
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  const exported = module.default;
  const compiled =
    typeof exported === 'object' &&
    exported !== null &&
    Reflect.get(exported, '__esModule') === true;
  return compiled ? Reflect.get(exported, 'default') : exported;
}

function readJson(file: string, name: string): unknown {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
    // Some editors begin a file with a byte order mark.
    return withoutSchema(parseJson(text.replace(/^\uFEFF/, '')));
  } catch (error) {
    if (error instanceof JsonProblem) {
      const { place, message: problem } = error;
      const details = { path: name, ...place, problem, excerpt: excerpt(text, place) };
      throw new TidingsError('CONFIG_SYNTAX', details, { cause: error });
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new TidingsError('CONFIG_NOT_LOADED', { path: name, reason }, { cause: error });
  }
}

/** `$schema` is for the editor. */
function withoutSchema(written: unknown): unknown {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return written;
  const { $schema: _ofTheEditor, ...config } = written as Readonly<Record<string, unknown>>;
  return config;
}
