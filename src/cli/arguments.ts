import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../option/duration.ts';
import { parseSize } from '../option/size.ts';
import { type Moment, parseMoment as parseLogMoment } from '../undo/looking/moment.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { parseStartAt, type StartAt } from '../option/start-at.ts';

/** `floor`, `head`, an offset, a time, or how long ago, such as `10m`. */
export function parsePlace(text: string): StartAt {
  const ago = parseDuration(text);
  const place = ago === null ? parseStartAt(text) : new Date(Date.now() - ago);
  if (place !== null) return place;
  throw new InvalidArgumentError(
    'Write floor, head, an offset, a time such as 2026-11-21T08:00:00Z, or how long ago, such as 10m.',
  );
}

/** A time to the microsecond, an offset of the log, or how long ago. */
export function parseTimeOrOffset(text: string): Moment {
  const ago = parseDuration(text);
  if (ago !== null && !/^\d+$/.test(text)) return { time: (Date.now() - ago) * 1000 };
  try {
    return parseLogMoment(text);
  } catch (error) {
    if (!isTidingsError(error)) throw error;
    throw new InvalidArgumentError(
      'Write a time such as 2026-11-21T13:45:00Z, how long ago, such as 10m, or an offset.',
    );
  }
}

/** A time, or how long ago. */
export function parseMoment(text: string): Date {
  const place = parsePlace(text);
  if (place instanceof Date) return place;
  throw new InvalidArgumentError(
    'Write a time such as 2026-11-21T08:00:00Z, or an age such as 30d.',
  );
}

export function parseBytes(text: string): number {
  const bytes = parseSize(/^\d+$/.test(text) ? Number(text) : text);
  if (bytes === null) throw new InvalidArgumentError('Write a size such as 500MB or 1GiB.');
  return bytes;
}

export function parseOffset(text: string): number {
  const offset = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(offset))
    throw new InvalidArgumentError('Write an offset, such as 1200.');
  return offset;
}

/** The same for an argument, which a command gets as text. */
export function checkOffset(text: string): string {
  return String(parseOffset(text));
}

/** A whole number from 1. */
export function parseLimit(text: string): number {
  const limit = /^\d+$/.test(text) ? Number(text) : 0;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new InvalidArgumentError('Write a whole number from 1.');
  }
  return limit;
}

/** Collects an option that may be given several times. */
export function collect(text: string, sofar: readonly string[] | undefined): readonly string[] {
  return [...(sofar ?? []), text];
}
