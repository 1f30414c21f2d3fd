import { realpathSync } from 'node:fs';
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
    const file = join(packageFrom(cwd), ...pointer.split('/'));
    const near = relative(cwd, file);
    return near.startsWith(`..${sep}`) || isAbsolute(near) ? file : near;
  });
}

/** pnpm puts a link there, to a folder whose name nobody wants to type. */
function packageFrom(cwd: string): string {
  const near = join(cwd, 'node_modules', 'tidings');
  try {
    return realpathSync(near) === realpathSync(PACKAGE) ? near : PACKAGE;
  } catch {
    // Nothing is installed there.
    return PACKAGE;
  }
}
