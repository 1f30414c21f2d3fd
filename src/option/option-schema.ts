import type { z } from 'zod';
import { type Duration, durationText, parseDuration } from './duration.ts';
import { parseSize, type Size } from './size.ts';
import { shown, value, ValueProblem } from './value.ts';

/** Node.js fires a timer of more than 2^31 - 1 ms (24.8 days) at once. */
export const LONGEST_TIMER = 24 * 86_400_000;
export const FOR_EVER = Number.MAX_SAFE_INTEGER;

export function duration(max: number): z.ZodType<number, Duration> {
  return value((written) => {
    const milliseconds = parseDuration(written);
    if (milliseconds === null) {
      throw new ValueProblem(
        `is ${shown(written)}, and has to be a duration: '250ms', '30s', '5m', '2h', '7d' or milliseconds`,
      );
    }
    if (milliseconds < 1 || milliseconds > max) {
      const limits = max === FOR_EVER ? 'at least 1ms' : `from 1ms to ${durationText(max)}`;
      throw new ValueProblem(`is ${shown(written)}, and has to be ${limits}`);
    }
    return milliseconds;
  });
}

export function size(min: number): z.ZodType<number, Size> {
  return value((written) => {
    const bytes = parseSize(written);
    if (bytes === null) {
      throw new ValueProblem(
        `is ${shown(written)}, and has to be a size: '256MB', '1GiB' or a number of bytes`,
      );
    }
    if (bytes < min)
      throw new ValueProblem(`is ${shown(written)}, and has to be at least ${min} bytes`);
    return bytes;
  });
}

/** null and 'none' switch the limit off. */
export function orNone<Input>(
  schema: z.ZodType<number, Input>,
): z.ZodType<number | null, Input | null | 'none'> {
  return value((written) => {
    if (written === null || written === 'none') return null;
    const result = schema.safeParse(written);
    if (result.success) return result.data;
    throw new ValueProblem(result.error.issues[0]?.message ?? 'is not valid');
  });
}
