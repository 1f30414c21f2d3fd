import type { OptionEntry } from '../../option/option-entry.ts';
import type { SinkTraits } from '../sink-traits.ts';

/** What a file is configured by. */
export const FILE_OPTIONS = {
  'subscriptions.*.to.file.path': {
    description:
      'The file that changes are appended to, one line of JSON each, in the form in which webhooks get them. Relative to the configuration file. It is made when it is not there, and so is its folder.',
    type: 'path',
    required: true,
  },
  'subscriptions.*.to.file.rotate.size': {
    description:
      'When the file is this large, it is renamed after the time and a new one begins; at least 1MB.',
    type: 'size',
    reason: 'Without it: the size does not matter.',
  },
  'subscriptions.*.to.file.rotate.every': {
    description:
      'A new file begins with each period of this length, counted in UTC: 1d begins one at midnight. At least 1m.',
    type: 'duration',
    reason: 'Without it: the time does not matter.',
  },
} as const satisfies Record<string, OptionEntry>;

/** One sync to disk makes all lines durable that are under way, so the more the faster. */
export const FILE_TRAITS: SinkTraits = { delivery: { maxConcurrency: 1_000 }, overHttp: false };
