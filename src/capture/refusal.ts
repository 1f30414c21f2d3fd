import type { ErrorCode } from '../errors/catalogue.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { BackoffOptions } from '../util/backoff.ts';

/**
 * What somebody mends at the database while Tidings runs, and then connecting again helps: a login, a
 * right, a setting, a database that is not made yet. What only the operator of Tidings can decide (a
 * gap, another history under the same address) is none of it.
 */
const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_LOGIN_REFUSED',
  'SOURCE_TLS_FAILED',
  'SOURCE_REFUSED',
  'SOURCE_ENCODING',
  'RIGHTS_MISSING',
  'WAL_LEVEL',
  'SERVER_TOO_OLD',
  'PUBLICATION_UNSUITABLE',
  'SLOT_TAKEN',
  'SLOT_IN_USE',
]);

/**
 * Pauses after a refusal. Growing, because a server may count failed logins; at most a minute,
 * because somebody mends it and waits to see it work.
 */
export const REFUSED_PAUSE: BackoffOptions = { first: 1_000, factor: 2, max: 60_000, jitter: 0.3 };

/** True for an error by which the source refuses capture as things are there. */
export function isRefusal(error: unknown): boolean {
  return isTidingsError(error) && REFUSALS.has(error.code);
}
