import { existsSync } from 'node:fs';
import { importDefault } from '../../config/import-config.ts';
import { describeLoadFailure } from '../../config/load-failure.ts';
import { acceptModuleSyntax } from '../../config/own-modules.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { TableHandler } from '../../sink/handler/table-handler.ts';

/**
 * Loads the module that a subscription's `to: { handler }` names: its default export is the handler.
 * @throws TidingsError `HANDLER_MISSING`, or `HANDLER_NOT_LOADED` when importing it throws or it has
 *   no object as its default export. Which methods it has is checked where it is registered.
 */
export async function loadHandlerModule(path: string): Promise<TableHandler> {
  if (!existsSync(path)) throw new TidingsError('HANDLER_MISSING', { path });
  const handler = await load(path);
  if (typeof handler === 'object' && handler !== null) return handler;
  const reason = 'its default export is no object.';
  throw new TidingsError('HANDLER_NOT_LOADED', { path, reason });
}

async function load(path: string): Promise<unknown> {
  acceptModuleSyntax();
  try {
    return await importDefault(path);
  } catch (error) {
    const reason = describeLoadFailure(error, path, process.cwd());
    throw new TidingsError('HANDLER_NOT_LOADED', { path, reason }, { cause: error });
  }
}
