import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How far a timestamp may be from this machine's clock, either way; seconds. */
const TOLERANCE = 300;

/** Why a request is not believed, in the words of one who mends it; null when it is. */
export type Distrust = string | null;

/**
 * Checks that a request was signed with one of the secrets, and lately: symmetric signatures of the
 * Standard Webhooks specification 1.0 ("Verifying webhook authenticity"). Several signatures may
 * stand in the header, one per secret of the sender.
 * @param secrets with their prefix `whsec_`.
 */
export function verifySignature(
  headers: IncomingHttpHeaders,
  body: Buffer,
  secrets: readonly string[],
  now: Date = new Date(),
): Distrust {
  const [id, timestamp, signature] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(
    (name) => textOf(headers[name]),
  );
  const missing = Object.entries({
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signature,
  }).flatMap(([name, value]) => (value === undefined ? [name] : []));
  if (id === undefined || timestamp === undefined || signature === undefined) {
    return `it has no header ${missing.join(', ')}: it is not signed`;
  }
  const untimely = checkTime(timestamp, now);
  if (untimely !== null) return untimely;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const found = signature.split(' ').flatMap((each) => {
    const [version, encoded = ''] = each.split(',');
    return version === 'v1' ? [Buffer.from(encoded, 'base64')] : [];
  });
  if (found.length === 0) return 'its webhook-signature has no signature of version v1';
  const expected = secrets.map((secret) => sign(secret, signed));
  // All pairs, whatever the first ones give: the time says nothing about a signature.
  const matches = expected.flatMap((right) => found.map((one) => equal(one, right)));
  return matches.includes(true)
    ? null
    : 'its signature does not fit: it was signed with another secret, or changed on its way';
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}

function checkTime(timestamp: string, now: Date): Distrust {
  if (!/^\d{1,12}$/.test(timestamp)) return 'its webhook-timestamp is no number of seconds';
  const age = Math.floor(now.getTime() / 1000) - Number(timestamp);
  if (Math.abs(age) <= TOLERANCE) return null;
  return age > 0
    ? `its webhook-timestamp is ${age} s old, and may be ${TOLERANCE}: it was sent again by somebody, or a clock is wrong`
    : `its webhook-timestamp is ${-age} s ahead of this clock, and may be ${TOLERANCE}`;
}

function sign(secret: string, signed: Buffer): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(signed).digest();
}

function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
