import { createHash, timingSafeEqual } from 'node:crypto';
import type { HttpConfig } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';

/** What a token lets its bearer do: look, change subscriptions and deliveries, take changes back. */
export type Right = HttpConfig['tokens'][string]['rights'][number];

const ALL_RIGHTS: readonly Right[] = ['read', 'write', 'undo'];
/** Of `http.token`, and of requests without one where none is configured. */
const PLAIN_RIGHTS: readonly Right[] = ['read', 'write'];

/** Who asks. */
export interface Caller {
  /** As the log of requests has it; null for whoever needs no token. */
  readonly name: string | null;
  readonly rights: ReadonlySet<Right>;
}

interface Known extends Caller {
  readonly hash: Buffer;
}

const ANYBODY: Caller = { name: null, rights: new Set(PLAIN_RIGHTS) };

/** Who may do what: the configured tokens, and the one for commands of the same machine. */
export class Access {
  readonly #known: readonly Known[];
  /** True when requests need no token: only ever on a loopback address (see `config/http-exposure.ts`). */
  readonly open: boolean;

  /** @param controlToken has all rights. */
  constructor(http: HttpConfig | null, controlToken: string) {
    const configured = http === null ? [] : configuredTokens(http);
    // A token without a value lets nobody in, and leaves the door closed.
    this.open = http !== null && configured.length + Object.keys(http.tokens).length === 0;
    this.#known = [...configured, known('control', controlToken, ALL_RIGHTS)];
  }

  /**
   * Checks that the bearer of the token of this header has the right.
   * @param authorization the header as Node.js gives it; undefined when there is none.
   * @returns the name of the caller.
   * @throws TidingsError `TOKEN_MISSING`, `TOKEN_UNKNOWN`, `RIGHT_MISSING`
   */
  check(authorization: string | undefined, right: Right): string | null {
    const caller = this.#caller(authorization);
    if (!caller.rights.has(right)) throw new TidingsError('RIGHT_MISSING', { right });
    return caller.name;
  }

  #caller(authorization: string | undefined): Caller {
    if (authorization === undefined) {
      if (this.open) return ANYBODY;
      throw new TidingsError('TOKEN_MISSING', {});
    }
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    const hash = sha256(token ?? '');
    let caller: Caller | null = null;
    // All of them are compared, each in constant time: how long it takes says nothing about a token.
    for (const each of this.#known) {
      if (timingSafeEqual(each.hash, hash)) caller = each;
    }
    if (token === undefined || caller === null) throw new TidingsError('TOKEN_UNKNOWN', {});
    return caller;
  }
}

function configuredTokens({ token, tokens }: HttpConfig): Known[] {
  const named = Object.entries(tokens).flatMap(([name, each]) =>
    each.token === undefined ? [] : [known(name, each.token, each.rights)],
  );
  return token === undefined ? named : [known('http.token', token, PLAIN_RIGHTS), ...named];
}

function known(name: string, token: string, rights: readonly Right[]): Known {
  return { name, hash: sha256(token), rights: new Set(rights) };
}

/** Of equal length for every token, which `timingSafeEqual` asks for. */
function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
