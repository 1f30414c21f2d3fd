/** Why a condition has no answer for a change; its message is the end of a sentence. */
export class UndecidableError extends Error {
  override readonly name = 'UndecidableError';
}

/** The remedy where old rows lack what a condition asks for; partitions may need more than one statement. */
export const WHOLE_OLD_ROWS =
  'REPLICA IDENTITY FULL makes it: `tidings doctor` prints the statement';

class UnknownError extends Error {
  override readonly name = 'UnknownError';
}

/**
 * What a test of null throws: SQL's "unknown". CEL's `&&` and `||` treat an error as SQL's AND and
 * OR treat unknown: it counts only when the other side does not decide. One object for all, since
 * this is no fault and rows with nulls are many: making an error costs more than the condition.
 */
export const UNKNOWN: Error = new UnknownError('a value is null');
