import { z } from 'zod';
import { FOR_EVER, duration, size } from '../../option/option-schema.ts';
import { text, value, ValueProblem } from '../../option/value.ts';

const MINUTE = 60_000;
const anyDuration = duration(FOR_EVER);

const every: z.ZodType<number, z.input<typeof anyDuration>> = value((written) => {
  const parsed = anyDuration.safeParse(written);
  if (!parsed.success) throw new ValueProblem(parsed.error.issues[0]?.message ?? 'is not valid');
  if (parsed.data < MINUTE) throw new ValueProblem('has to be at least 1m');
  return parsed.data;
});

/** What stands in `to: { file }`. */
export const fileSchema = z.strictObject({
  path: text(),
  rotate: z.strictObject({ size: size(1_000_000).optional(), every: every.optional() }).optional(),
});

export type FileSettings = z.output<typeof fileSchema>;

/** When a file is full. */
export interface Rotation {
  /** Bytes; absent when the size does not matter. */
  readonly size?: number | undefined;
  /** Milliseconds; absent when the time does not matter. */
  readonly every?: number | undefined;
}

/** What is shown of one. */
export interface ShownFile {
  readonly path: string;
}

export const fileShown = z.object({ path: z.string() });
