import type { RegisterFunctionOptions } from '@marcbachmann/cel-js';

/** A function that returns no promise; the library asks for that to be said. */
export function plain(handler: RegisterFunctionOptions['handler']): RegisterFunctionOptions {
  return { handler, async: false };
}
