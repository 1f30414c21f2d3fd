/**
 * Where in a log something begins: at its head (what comes from now on), at its floor (all there
 * is), at an offset, or at the first change that committed at or after a time.
 */
export type StartAt = 'head' | 'floor' | number | Date;

/** A {@link StartAt} as configuration and command line write it: the time is ISO 8601 text. */
export type StartAtText = StartAt | (string & {});

const TIME = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads a {@link StartAtText}. A time needs its offset from UTC (or Z): what it means must not depend
 * on where Tidings runs.
 * @returns null when it is none.
 */
export function parseStartAt(value: unknown): StartAt | null {
  if (value === 'head' || value === 'floor') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value;
  if (typeof value !== 'string') return null;
  if (/^\d+$/.test(value)) return parseStartAt(Number(value));
  const day = TIME.exec(value)?.[1];
  if (day === undefined || !isDay(day)) return null;
  const milliseconds = Date.parse(value);
  return Number.isNaN(milliseconds) ? null : new Date(milliseconds);
}

/** Date.parse takes February 30th for March 2nd. */
function isDay(text: string): boolean {
  const milliseconds = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().startsWith(text);
}
