/**
 * The 32-bit hash under which the key index finds the changes of one row. It is part of the file
 * format: FNV-1a over UTF-16 code units, with the last mixing steps of murmur3, because sorted runs
 * need the upper bits as well mixed as the lower ones. Different rows may share a hash; whoever
 * looks one up compares the key itself.
 */
export function hashKey(seed: number, key: string): number {
  let hash = seed;
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Where the hashes of a table's keys start; the same for all versions of the table. */
export function tableSeed(table: { readonly schema: string; readonly name: string }): number {
  return hashKey(0x811c9dc5, `${table.schema}\u0000${table.name}`);
}

/** The key under which a truncate is found: it touched every row of its table. */
export const TRUNCATE_KEY = '';
