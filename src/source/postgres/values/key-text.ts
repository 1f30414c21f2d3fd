import type { TupleCells } from '../wire/decode-tuple.ts';

/**
 * The text that stands for a row's key: of one column its text, of several a JSON array of texts.
 * @param fallback the old row, which has the key when the new one left it out as unchanged.
 * @returns null without a key, or when the server did not send all of it.
 */
export function keyText(
  key: readonly number[],
  cells: TupleCells,
  fallback: TupleCells | null,
): string | null {
  const [first] = key;
  if (first === undefined) return null;
  if (key.length === 1) return cellText(first, cells, fallback);
  const texts: string[] = [];
  for (const index of key) {
    const text = cellText(index, cells, fallback);
    if (text === null) return null;
    texts.push(text);
  }
  return JSON.stringify(texts);
}

function cellText(index: number, cells: TupleCells, fallback: TupleCells | null): string | null {
  return fallback !== null && cells.isUnchanged(index) ? fallback.text(index) : cells.text(index);
}

/** True when an update left the row's key as it was. */
export function sameKey(key: readonly number[], before: TupleCells, after: TupleCells): boolean {
  for (const index of key) {
    if (!after.isUnchanged(index) && !after.sameText(before, index)) return false;
  }
  return true;
}
