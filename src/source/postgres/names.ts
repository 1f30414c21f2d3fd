/** PostgreSQL's names have 63 bytes, and `tidings_<source>_insert_only` is one. */
export const LONGEST_NAME = 63 - 'tidings__insert_only'.length;

/** True for a source's name that can be part of the names of what Tidings makes in a database. */
export function isSourceName(name: string): boolean {
  return /^[a-z0-9_-]+$/.test(name) && name.length <= LONGEST_NAME;
}

/** How the names of all that belongs to a source begin. A slot's name can have no hyphen. */
export function ownName(source: string): string {
  return `tidings_${source.replaceAll('-', '_')}`;
}
