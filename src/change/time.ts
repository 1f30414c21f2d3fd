const MICROS_PER_SECOND = 1_000_000;
const ISO_UTC = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/;

/** A time in whole seconds since 1970-01-01 UTC (before it negative) and 0 to 999,999 microseconds. */
export interface SplitTime {
  readonly seconds: number;
  readonly micros: number;
}

/**
 * ISO 8601 in UTC with six fraction digits, always of the same length for years 0 to 9999, so that
 * the texts of such times sort like the times.
 * @param micros microseconds since 1970-01-01 UTC, an exact integer.
 * @throws RangeError when the time lies outside of what a JavaScript date holds (±270,000 years).
 */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  return formatTime({ seconds, micros: micros - seconds * MICROS_PER_SECOND });
}

/** The inverse of {@link splitTime}; see {@link formatMicros}. */
export function formatTime({ seconds, micros }: SplitTime): string {
  return `${formatSecond(seconds)}.${String(micros).padStart(6, '0')}Z`;
}

// Changes come in commit order, so that thousands in a row share their second, and formatting a
// date costs more than the rest of a change's transaction part together.
let lastSecond = Number.NaN;
let lastSecondText = '';

function formatSecond(seconds: number): string {
  if (seconds !== lastSecond) {
    lastSecondText = new Date(seconds * 1000).toISOString().slice(0, -'.000Z'.length);
    lastSecond = seconds;
  }
  return lastSecondText;
}

/**
 * Reads ISO 8601 in UTC with at most six fraction digits, the years 0000 to 9999.
 * @returns null when the text is no such time.
 */
export function splitTime(text: string): SplitTime | null {
  const match = ISO_UTC.exec(text);
  if (match === null) return null;
  const [, whole = '', fraction = ''] = match;
  const millis = Date.parse(`${whole}Z`);
  // Date.parse takes February 30th for March 2nd.
  if (Number.isNaN(millis) || !new Date(millis).toISOString().startsWith(whole)) return null;
  return { seconds: millis / 1000, micros: Number(fraction.padEnd(6, '0')) };
}

/**
 * The inverse of {@link formatMicros}; also takes fewer fraction digits.
 * @returns microseconds since 1970-01-01 UTC, or null when the text is no such time or its
 *   microseconds are no exact integer any more (after the year 2255).
 */
export function parseMicros(text: string): number | null {
  const split = splitTime(text);
  if (split === null) return null;
  const micros = split.seconds * MICROS_PER_SECOND + split.micros;
  return Number.isSafeInteger(micros) ? micros : null;
}
