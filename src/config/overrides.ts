import { resolve } from 'node:path';
import { optionEntries, type OptionPath } from './option-table.ts';

/** A value from a variable or a flag, which takes precedence over the file's. */
export interface Override {
  readonly path: readonly string[];
  readonly value: string;
  /** Names the variable or flag in messages. */
  readonly origin: string;
}

/** Values of flags by option, such as `{ dataDir: '/var/lib/tidings' }`. */
export type Flags = { readonly [Path in OptionPath]?: string };

/**
 * What environment and flags override; a flag wins over its variable. Empty variables count as unset.
 * @param originOf names a variable in messages, with where it is set.
 */
export function findOverrides(
  env: Readonly<Record<string, string | undefined>>,
  flags: Flags,
  directory: string,
  originOf: (variable: string) => string,
): Override[] {
  return optionEntries().flatMap(([path, entry]) => {
    const fromFlag = flags[path];
    const fromEnv = entry.env === undefined ? undefined : env[entry.env];
    const variable = entry.env ?? '';
    const written = fromFlag ?? (fromEnv === '' ? undefined : fromEnv);
    if (written === undefined) return [];
    const flag = entry.flag?.split(' ')[0];
    const origin = fromFlag === undefined ? originOf(variable) : `option ${flag}`;
    // What is typed in a shell is meant from where one stands, not from where the file lies.
    const value = entry.type === 'path' && written !== '' ? resolve(directory, written) : written;
    return [{ path: path.split('.'), value, origin }];
  });
}

/** The configuration with the overrides in place; the input is left as it is. */
export function applyOverrides(input: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((result, { path, value }) => setIn(result, path, value), input);
}

/** Leaves alone what is no object: the schema has better words for that. */
function setIn(target: unknown, path: readonly string[], value: string): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (target === undefined) return { [key]: setIn(undefined, rest, value) };
  if (typeof target !== 'object' || target === null || Array.isArray(target)) return target;
  const inner: unknown = Reflect.get(target, key);
  return { ...target, [key]: setIn(rest.length === 0 ? undefined : inner, rest, value) };
}
