/** Why a condition has no answer for a change; its message is the end of a sentence. */
export class UndecidableError extends Error {
  override readonly name = 'UndecidableError';
}
