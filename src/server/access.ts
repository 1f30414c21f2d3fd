import { createHash, timingSafeEqual } from 'node:crypto';
import { TidingsError } from '../errors/tidings-error.ts';
import type { HttpConfig, Right } from './http-config.ts';

const ALL_RIGHTS: readonly Right[] = ['read', 'write', 'undo'];
/** Of `http.token`, and of requests without one where none is configured. */
const PLAIN_RIGHTS: readonly Right[] = ['read', 'write'];

interface Known {
  readonly hash: Buffer;
  readonly rights: ReadonlySet<Right>;
}

/** Who may do what: the configured tokens, and the one for commands of the same machine. */
export class Access {
  readonly #known: readonly Known[];
  /** True when requests need no token: only ever on a loopback address (see `checkExposure`). */
  readonly open: boolean;

  /** @param controlToken has all rights. */
  constructor(http: HttpConfig | null, controlToken: string) {
    const configured = http === null ? [] : configuredTokens(http);
    this.open = http !== null && configured.length === 0;
    this.#known = [...configured, known(controlToken, ALL_RIGHTS)];
  }

  /**
   * Checks that the bearer of the token of this header has the right.
   * @param authorization the header as Node.js gives it; undefined when there is none.
   * @throws TidingsError `TOKEN_MISSING`, `TOKEN_UNKNOWN`, `RIGHT_MISSING`
   */
  check(authorization: string | undefined, right: Right): void {
    if (!this.#rights(authorization).has(right)) throw new TidingsError('RIGHT_MISSING', { right });
  }

  #rights(authorization: string | undefined): ReadonlySet<Right> {
    if (authorization === undefined) {
      if (this.open) return new Set(PLAIN_RIGHTS);
      throw new TidingsError('TOKEN_MISSING', {});
    }
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    // Headers are bytes, which Node.js hands over as latin1 characters.
    const hash = sha256(Buffer.from(token ?? '', 'latin1'));
    let rights: ReadonlySet<Right> | null = null;
    // All of them are compared, each in constant time: how long it takes says nothing about a token.
    for (const each of this.#known) {
      if (timingSafeEqual(each.hash, hash)) rights = each.rights;
    }
    if (token === undefined || rights === null) throw new TidingsError('TOKEN_UNKNOWN', {});
    return rights;
  }
}

function configuredTokens(http: HttpConfig): Known[] {
  const named = Object.values(http.tokens).map(({ token, rights }) => known(token, rights));
  return http.token === undefined ? named : [known(http.token, PLAIN_RIGHTS), ...named];
}

function known(token: string, rights: readonly Right[]): Known {
  return { hash: sha256(Buffer.from(token)), rights: new Set(rights) };
}

/** Of equal length for every token, which `timingSafeEqual` asks for. */
function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

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
