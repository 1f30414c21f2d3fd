import { extname } from 'node:path';
import { pathKey, placesOfMembers } from './json-check.ts';
import { offsetOfKey } from './module-keys.ts';
import { stripTypes } from './strip-types.ts';
import { placeAt } from './text-place.ts';

/**
 * The line on which a configuration file writes the value that a path leads to; of one that is not
 * there, the line of what it should be in. Null where that is not certain.
 * @param file its name, by which its form is known.
 * @param written what was read from it.
 */
export function lineOfKey(
  file: string,
  text: string,
  written: unknown,
  path: readonly PropertyKey[],
): number | null {
  const there = partThatIsThere(written, path);
  if (there.length === 0) return null;
  const form = extname(file);
  if (form === '.json') return placesOfMembers(text).get(pathKey(there))?.line ?? null;
  const code = /^\.[cm]?ts$/.test(form) ? withoutTypes(text) : text;
  const offset = code === null ? null : offsetOfKey(code, there);
  return offset === null ? null : placeAt(text, offset).line;
}

function partThatIsThere(written: unknown, path: readonly PropertyKey[]): string[] {
  const there: string[] = [];
  let value = written;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) break;
    there.push(String(name));
    value = Reflect.get(value, name);
  }
  return there;
}

function withoutTypes(text: string): string | null {
  try {
    return stripTypes(text);
  } catch {
    // Another loader understands more of TypeScript than can be erased. Then the line is not known.
    return null;
  }
}
