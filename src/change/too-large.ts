import { constants } from 'node:buffer';
import { TidingsError } from '../errors/tidings-error.ts';
import type { StoredChange } from './stored-change.ts';
import { readStoredRows } from './stored-rows.ts';

/** Characters that a string can have at most. */
export const LONGEST_TEXT = constants.MAX_STRING_LENGTH;

/**
 * True when a text would have had more characters than a string can have: 2^29 - 24 on 64 bits. A
 * `bytea` of 268 MB has as many in the database's own text.
 */
export function isTooLong(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error) return error.code === 'ERR_STRING_TOO_LONG';
  return error instanceof RangeError && error.message === 'Invalid string length';
}

/** The largest value of a change. */
export interface LargestValue {
  readonly column: string;
  readonly bytes: number;
}

/** A change that cannot be a text, or has a value that cannot be one. */
export function tooLarge(
  change: { readonly id: string; readonly table: string },
  { column, bytes }: LargestValue,
  cause: unknown,
): TidingsError<'VALUE_TOO_LARGE'> {
  const { id, table } = change;
  const details = { change: id, table, column, bytes, limit: LONGEST_TEXT };
  return new TidingsError('VALUE_TOO_LARGE', details, { cause });
}

/** Which value of a change is the largest. */
export function largestValue({ table, images }: StoredChange): LargestValue {
  const { before, after } = readStoredRows(images);
  let largest: LargestValue = { column: '', bytes: 0 };
  for (const row of [before, after]) {
    for (const [index, { name }] of table.columns.entries()) {
      const bytes = row?.size(index) ?? 0;
      if (bytes > largest.bytes) largest = { column: name, bytes };
    }
  }
  return largest;
}

/** The value of a change that no text can hold; null when all of them have room. */
export function valueBeyondText(change: StoredChange): LargestValue | null {
  // A character has a byte at least; what has fewer bytes has room, whatever they are.
  if (change.images.length <= LONGEST_TEXT) return null;
  const largest = largestValue(change);
  return largest.bytes > LONGEST_TEXT ? largest : null;
}
