import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** Variables by name. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** What a `.env` file adds to the environment. */
export interface EnvFile {
  /** Absolute; null when there is none. */
  readonly file: string | null;
  readonly text: string;
  readonly variables: Variables;
}

/** Reads `.env` of a folder, in the form that `node --env-file` takes. A folder of that name is none. */
export function readEnvFile(directory: string): EnvFile {
  const file = join(directory, '.env');
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    return { file: null, text: '', variables: {} };
  }
  // Some editors begin a file with a byte order mark, which would become part of the first name.
  const text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  return { file, text, variables: parseEnv(text) };
}

/** The environment with what only the file has: what is set there, also to nothing, wins. */
export function withEnvFile(env: Variables, variables: Variables): Variables {
  // A configuration file reads `process.env` itself. Who brought an environment of their own keeps
  // the process's as it is.
  if (env === process.env) {
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) process.env[name] ??= value;
    }
  }
  return { ...variables, ...env };
}
