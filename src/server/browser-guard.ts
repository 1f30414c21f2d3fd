import type { IncomingHttpHeaders } from 'node:http';
import { TidingsError } from '../errors/tidings-error.ts';
import { isLoopback } from '../config/http-exposure.ts';

/**
 * Keeps web pages out of an API that asks for no token. A page of any site can make its visitor's
 * browser call 127.0.0.1, which is as good as a login here.
 *
 * Its own name for this machine (DNS rebinding) shows in `Host`, another origin in `Origin` and
 * `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/), neither of which a page can forge.
 * Programs send neither of the two.
 * @throws TidingsError `HOST_REFUSED`, `ORIGIN_REFUSED`
 */
export function refuseForeignPages(headers: IncomingHttpHeaders, cors: readonly string[]): void {
  const { host, origin } = headers;
  if (host === undefined || !isLoopback(hostName(host))) throw new TidingsError('HOST_REFUSED', {});
  if (origin !== undefined) {
    if (cors.includes(origin) || origin === `http://${host}`) return;
    throw new TidingsError('ORIGIN_REFUSED', {});
  }
  const site = headers['sec-fetch-site'];
  // `none` is a person's own doing, such as a typed address; `same-site` is another port.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new TidingsError('ORIGIN_REFUSED', {});
  }
}

function hostName(host: string): string {
  return host.replace(/:\d*$/, '');
}
