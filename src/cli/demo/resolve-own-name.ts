/** Preloaded in a checkout: there `import … from 'tidings'` means the sources. */
import { registerHooks } from 'node:module';

const sources = new URL('../../index.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === 'tidings' ? sources : specifier, context),
});
