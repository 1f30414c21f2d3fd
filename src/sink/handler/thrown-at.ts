import { isTidingsError } from '../../errors/tidings-error.ts';

/** The text is stored with each exception; more calls than these say nothing new. */
const MAX_CALLS = 12;
const MAX_LENGTH = 2_000;
const MAX_CAUSES = 3;

/** The same for every row at which a handler fails in the same way, and then kept once. */
let last = '';

/**
 * Where an exception was thrown: its calls, the innermost first, and those of what caused it.
 * Undefined for what has no stack, and for errors of Tidings' own, which say what to do.
 */
export function thrownAt(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || isTidingsError(thrown)) return undefined;
  const parts: string[] = [];
  let cause: unknown = thrown;
  for (let depth = 0; depth <= MAX_CAUSES && cause instanceof Error; depth++) {
    if (depth > 0) parts.push(`caused by ${cause.name}: ${cause.message}`);
    parts.push(...callsOf(cause));
    ({ cause } = cause);
  }
  const text = parts.join('\n').slice(0, MAX_LENGTH);
  if (text === '') return undefined;
  if (text !== last) last = text;
  return last;
}

function callsOf({ stack }: Error): readonly string[] {
  const lines = typeof stack === 'string' ? stack.split('\n') : [];
  // Node.js' own calls differ from one attempt to the next, and nobody looks for a mistake there.
  const calls = lines.filter((line) => /^\s+at /.test(line) && !/[ (]node:/.test(line));
  return calls.slice(0, MAX_CALLS).map((line) => line.trim());
}
