import { pathToFileURL } from 'node:url';

/** The default export of a module, also of one that a compiler made CommonJS of. */
export async function importDefault(file: string): Promise<unknown> {
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  const exported = module.default;
  const compiled =
    typeof exported === 'object' &&
    exported !== null &&
    Reflect.get(exported, '__esModule') === true;
  return compiled ? Reflect.get(exported, 'default') : exported;
}
