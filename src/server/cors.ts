import type { IncomingMessage } from 'node:http';

/** Which answers' headers a page may see (https://fetch.spec.whatwg.org/#http-cors-protocol). */
const EXPOSED = 'Location, Request-Id, Retry-After, WWW-Authenticate';
const METHODS = 'GET, HEAD, POST, PUT, DELETE';
const REQUEST_HEADERS = 'Authorization, Content-Type';
/** How long a browser may remember a preflight's answer, seconds. */
const REMEMBERED = '600';

export type Headers = Readonly<Record<string, string>>;

/**
 * The headers that let a page of an allowed origin read the answer; none for others. Cookies are not
 * used, so credentials are not allowed either: the page sends the token itself.
 */
export function corsHeaders(origin: string | undefined, allowed: readonly string[]): Headers {
  if (allowed.length === 0) return {};
  // The answer depends on who asks, also when it is a refusal.
  if (origin === undefined || !allowed.includes(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED,
  };
}

/** What a browser asks before a request that a form could not send; null when it is none. */
export function preflightHeaders(
  { method, headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  allowed: readonly string[],
): Headers | null {
  const { origin } = headers;
  if (method !== 'OPTIONS' || origin === undefined || !allowed.includes(origin)) return null;
  if (headers['access-control-request-method'] === undefined) return null;
  return {
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': REQUEST_HEADERS,
    'access-control-max-age': REMEMBERED,
  };
}
