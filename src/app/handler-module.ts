import { pathToFileURL } from 'node:url';
import { existsSync } from 'node:fs';
import { TidingsError } from '../errors/tidings-error.ts';
import type { TableHandler } from '../sink/handler/table-handler.ts';

const METHODS = ['insert', 'update', 'delete', 'truncate'] as const;

/**
 * Loads the module that a subscription's `to: { handler }` names: its default export is the handler.
 * @throws TidingsError `HANDLER_MISSING`, `HANDLER_FAILED` when importing it throws, or
 *   `HANDLER_INVALID` when its default export has none of the methods.
 */
export async function loadHandlerModule(path: string): Promise<TableHandler> {
  if (!existsSync(path)) throw new TidingsError('HANDLER_MISSING', { path });
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as typeof module;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TidingsError('HANDLER_FAILED', { path, reason }, { cause: error });
  }
  const handler = module.default;
  if (!isHandler(handler)) throw new TidingsError('HANDLER_INVALID', { path });
  return handler;
}

function isHandler(value: unknown): value is TableHandler {
  if (typeof value !== 'object' || value === null) return false;
  return METHODS.some((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}
