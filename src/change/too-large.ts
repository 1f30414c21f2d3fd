import { constants } from 'node:buffer';
import { TidingsError } from '../errors/tidings-error.ts';

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
