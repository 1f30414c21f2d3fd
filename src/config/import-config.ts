import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { TidingsError } from '../errors/tidings-error.ts';
import { importDefault } from '../project/import-default.ts';
import { JsonProblem, parseJson } from '../project/json-check.ts';
import { describeLoadFailure, excerpt } from '../project/load-failure.ts';
import { prepareOwnModules } from '../project/own-modules.ts';

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
