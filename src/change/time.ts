const MICROS_PER_SECOND = 1_000_000;

/**
 * ISO 8601 in UTC with six fraction digits, always of the same length for years 0 to 9999, so that
 * the texts of such times sort like the times.
 * @param micros microseconds since 1970-01-01 UTC, an exact integer.
 * @throws RangeError when the time lies outside of what a JavaScript date holds (±270,000 years).
 */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  const fraction = String(micros - seconds * MICROS_PER_SECOND).padStart(6, '0');
  return `${formatSecond(seconds)}.${fraction}Z`;
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

const ISO_UTC = /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z$/;

/**
 * The inverse of {@link formatMicros}; also takes fewer fraction digits.
 * @returns microseconds since 1970-01-01 UTC, or null when the text is no such time.
 */
export function parseMicros(text: string): number | null {
  const match = ISO_UTC.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction = ''] = match;
  const whole = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const millis = Date.parse(`${whole}Z`);
  // Date.parse takes February 30th for March 2nd.
  if (Number.isNaN(millis) || !new Date(millis).toISOString().startsWith(whole)) return null;
  return millis * 1000 + Number(fraction.padEnd(6, '0'));
}
