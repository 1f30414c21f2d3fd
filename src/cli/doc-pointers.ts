import { isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Texts name pages as they lie in the package: `docs/guide/undo.md`. */
const POINTER = /(?<![\w/.-])docs\/(?:guide|reference|internals)\/[\w-]+\.(?:md|json)/g;

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The text with its pointers to pages of the documentation as files that can be opened from the
 * working directory: `node_modules/tidings/docs/guide/undo.md` where the package is installed. A
 * package elsewhere, such as one that is installed for all projects, is named in full.
 */
export function resolveDocPointers(text: string, cwd: string): string {
  return text.replace(POINTER, (pointer) => {
    const file = join(PACKAGE, ...pointer.split('/'));
    const near = relative(cwd, file);
    return near.startsWith(`..${sep}`) || isAbsolute(near) ? file : near;
  });
}
