import type { OptionEntry } from '../option/option-entry.ts';
import { FILE_OPTIONS, FILE_TRAITS } from '../sink/file/file-options.ts';
import { HANDLER_OPTIONS, HANDLER_TRAITS } from '../sink/handler/handler-options.ts';
import type { SinkTraits } from '../sink/sink-traits.ts';
import { WEBHOOK_OPTIONS, WEBHOOK_TRAITS } from '../sink/webhook/webhook-options.ts';

/** The options of every kind of endpoint; plain data, as the table that they belong to. */
export const SINK_OPTIONS = {
  ...HANDLER_OPTIONS,
  ...WEBHOOK_OPTIONS,
  ...FILE_OPTIONS,
} as const satisfies Record<string, OptionEntry>;

/** The kinds of endpoint, by their key under `to`. */
export const SINK_TRAITS = {
  handler: HANDLER_TRAITS,
  webhook: WEBHOOK_TRAITS,
  file: FILE_TRAITS,
} as const satisfies Record<string, SinkTraits>;

export type SinkName = keyof typeof SINK_TRAITS;

export const SINK_NAMES = Object.keys(SINK_TRAITS) as readonly SinkName[];
