/** An endpoint that asks for more is asked again all the same, milliseconds. */
const LONGEST = 86_400_000;

/**
 * What `Retry-After` asks for (RFC 9110, 10.2.3), in milliseconds from now: seconds, or a date.
 * @returns null when there is none or it makes no sense.
 */
export function readRetryAfter(
  value: string | readonly string[] | undefined,
  now: number,
): number | null {
  if (typeof value !== 'string') return null;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, LONGEST);
  // Date.parse takes much that is no date of HTTP, such as "1".
  if (!/^[A-Za-z]{3,9},? /.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.min(Math.max(0, at - now), LONGEST);
}
