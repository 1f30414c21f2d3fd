import { isTidingsError, type TidingsError } from '../errors/tidings-error.ts';
import type { Change } from './change.ts';
import type { ChangeDecoder } from './decode.ts';
import type { StoredChange } from './stored-change.ts';

/** Told of a change that is too large and passed over. */
export type OnPassedOver = (why: TidingsError<'VALUE_TOO_LARGE'>) => void;

/**
 * One change of a listing; null when it is too large and somebody is told of it.
 * @throws TidingsError `VALUE_TOO_LARGE` when nobody is.
 */
export function decodeListed(
  decoder: ChangeDecoder,
  stored: StoredChange,
  onPassedOver: OnPassedOver | undefined,
): Change | null {
  try {
    return decoder.decode(stored);
  } catch (error) {
    if (onPassedOver === undefined || !isTidingsError(error, 'VALUE_TOO_LARGE')) throw error;
    onPassedOver(error);
    return null;
  }
}
