import { isTidingsError } from '../errors/tidings-error.ts';
import { redactText } from '../util/redact-url.ts';

const SECRET_NAME = /pass(word|wd)?$|secret|token|credential|authorization/i;
const HIDDEN = '***';
const MAX_DEPTH = 5;

/**
 * A value as a log line may have it: errors as objects with code, hint and causes, secrets hidden,
 * and nothing that JSON cannot hold.
 */
export function toLoggable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > MAX_DEPTH) return '…';
  if (value instanceof Error) return errorFields(value, depth);
  if (Array.isArray(value)) return value.map((entry) => toLoggable(entry, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      SECRET_NAME.test(name) && entry !== null ? HIDDEN : toLoggable(entry, depth + 1),
    ]),
  );
}

/** An error that users can meet is told by code and hint; a stack says more about a defect. */
function errorFields(error: Error, depth: number): object {
  const cause = error.cause === undefined ? {} : { cause: toLoggable(error.cause, depth + 1) };
  const message = redactText(error.message);
  if (isTidingsError(error)) return { code: error.code, message, hint: error.hint, ...cause };
  const code: unknown = Reflect.get(error, 'code');
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message,
    stack: redactText(error.stack ?? ''),
    ...cause,
  };
}
