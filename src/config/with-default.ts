import type { z } from 'zod';
import type { OptionEntry } from '../option/option-entry.ts';
import { type OptionPath, OPTIONS } from './option-table.ts';

/** The table's default, as if it had been written. */
export function withDefault<Schema extends z.ZodType>(
  path: OptionPath,
  schema: Schema,
): z.ZodPrefault<Schema> {
  const entry: OptionEntry = OPTIONS[path];
  return schema.prefault(() => entry.default as z.core.input<Schema> & {});
}
