import { TidingsError } from '../errors/tidings-error.ts';
import type { HttpConfig } from './define-config.ts';

/**
 * Whoever reaches an API without a token can read every row and redirect it, so beyond loopback
 * there has to be one.
 * @throws TidingsError `HTTP_TOKEN_REQUIRED`
 */
export function checkExposure(http: HttpConfig): void {
  const tokens = Object.keys(http.tokens).length + (http.token === undefined ? 0 : 1);
  if (tokens === 0 && !isLoopback(http.host)) {
    throw new TidingsError('HTTP_TOKEN_REQUIRED', { host: http.host });
  }
}

/** True for a name or literal of this machine alone (RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3). */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (name === '::1') return true;
  const v4 = /^(?:::ffff:)?(127)\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.exec(name);
  return v4 !== null;
}
