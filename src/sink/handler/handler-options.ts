import type { OptionEntry } from '../../option/option-entry.ts';
import type { SinkTraits } from '../sink-traits.ts';

/** What a handler is configured by. */
export const HANDLER_OPTIONS = {
  'subscriptions.*.to.handler': {
    description:
      'A module whose default export is an object with insert, update, delete or truncate. Relative to the configuration file.',
    type: 'path',
  },
} as const satisfies Record<string, OptionEntry>;

export const HANDLER_TRAITS: SinkTraits = { delivery: {}, overHttp: false };
