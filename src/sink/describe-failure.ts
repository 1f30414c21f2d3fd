import { inspect } from 'node:util';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { AttemptError, Outcome } from './sink.ts';

/** Longer messages are cut: the error is stored with each exception. */
const MAX_MESSAGE = 1_000;

/**
 * What was thrown, in the form that is kept and shown. Its own code where it has one, such as
 * ECONNREFUSED; anything can be thrown, also what is no Error.
 */
export function describeFailure(thrown: unknown): AttemptError {
  if (!(thrown instanceof Error)) return { code: 'HANDLER_FAILED', message: cut(inspect(thrown)) };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'HANDLER_FAILED';
  return { code, message: cut(thrown.message === '' ? thrown.name : thrown.message) };
}

/** What a failure before the endpoint means for the delivery: a change that is too large stays so. */
export function failureOf(thrown: unknown): Outcome {
  const kind = isTidingsError(thrown, 'VALUE_TOO_LARGE') ? 'reject' : 'retry';
  return { kind, error: describeFailure(thrown) };
}

function cut(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE)}…`;
}
