import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { TEST_TYPE, wireText } from '../../change/wire.ts';
import type { Attempt, Exchange, Outcome, Sink } from '../sink.ts';
import { AddressGuard } from './address-guard.ts';
import type { Certificates } from './certificates.ts';
import { guardedConnect, type Lookup } from './guarded-connect.ts';
import { Hidden } from './hidden.ts';
import { outcomeOf } from './outcome.ts';
import { post, type Posted, type PostRequest } from './post.ts';
import { Signer } from './signer.ts';

/** One webhook, as configured. */
export interface WebhookSinkOptions {
  readonly url: string;
  /** `whsec_` secrets, the newest first. All of them sign. */
  readonly secrets: readonly string[];
  /** Sent with each request besides those of Tidings. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: Certificates;
  /** Private addresses and ranges that may be reached all the same. */
  readonly allowAddresses: readonly string[];
  /** Open connections at most: as many as attempts may be under way. */
  readonly connections: number;
  /** Says who is calling, as `name/version`. */
  readonly userAgent: string;
  /** How names are resolved. Default: as the system does. */
  readonly lookup?: Lookup;
}

/** An idle connection is closed after so long, milliseconds; many servers close theirs after 5 s. */
const KEEP_ALIVE = 4_000;
const MAX_HEADERS = 16 << 10;

/**
 * Posts each change to a URL: a CloudEvents 1.0 envelope in structured mode, signed as the Standard
 * Webhooks specification says (https://www.standardwebhooks.com).
 */
export class WebhookSink implements Sink {
  readonly kind = 'webhook';
  readonly #url: URL;
  readonly #path: string;
  readonly #pool: Pool;
  readonly #signer: Signer;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #ownHeaders: readonly string[];
  readonly #hidden: Hidden;

  constructor(options: WebhookSinkOptions) {
    const { url, secrets, headers, tls, connections, userAgent, lookup } = options;
    this.#url = new URL(url);
    this.#path = this.#url.pathname + this.#url.search;
    this.#signer = new Signer(secrets);
    // In lower case, so that none stands there twice.
    const own = Object.entries(headers).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    );
    this.#ownHeaders = own.map(([name]) => name);
    const queried = this.#url.searchParams.values();
    this.#hidden = new Hidden([...Object.values(headers), ...secrets, ...queried]);
    this.#headers = {
      'user-agent': userAgent,
      ...Object.fromEntries(own),
      'content-type': 'application/cloudevents+json; charset=utf-8',
    };
    const guard = new AddressGuard(options.allowAddresses);
    this.#pool = new Pool(this.#url.origin, {
      connections,
      // A request behind one that hangs would hang too.
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE,
      maxHeaderSize: MAX_HEADERS,
      connect: guardedConnect({ guard, tls, lookup }),
    });
  }

  async deliver({ change, number }: Attempt, signal: AbortSignal): Promise<Outcome> {
    const request = this.#request(change.id, wireText(change), number);
    return outcomeOf(await post(this.#pool, request, signal), Date.now());
  }

  async test({ change, number }: Attempt, signal: AbortSignal): Promise<Exchange> {
    const id = `test_${randomUUID()}`;
    const body = wireText(change, { type: TEST_TYPE, id });
    const request = this.#request(id, body, number);
    const started = performance.now();
    const posted = await post(this.#pool, request, signal);
    const milliseconds = performance.now() - started;
    return {
      request: {
        method: 'POST',
        url: this.#url.origin + this.#url.pathname,
        headers: this.#shownHeaders(request),
        body,
      },
      answer: this.#answerOf(posted),
      outcome: outcomeOf(posted, Date.now()),
      milliseconds,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }

  #request(id: string, body: string, attempt: number): PostRequest {
    const timestamp = Math.floor(Date.now() / 1_000);
    const headers = {
      ...this.#headers,
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': this.#signer.sign(id, timestamp, body),
      'tidings-attempt': String(attempt),
    };
    return { path: this.#path, headers, body, hidden: this.#hidden };
  }

  /** The values of the user's own headers may be secret. */
  #shownHeaders({ headers }: PostRequest): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) =>
        this.#ownHeaders.includes(name) ? [name, '…'] : [name, value],
      ),
    );
  }

  #answerOf(posted: Posted): Exchange['answer'] {
    if ('error' in posted) return null;
    const { status, excerpt, headers } = posted;
    const shown = Object.entries(headers).map(([name, value]) => {
      const text = typeof value === 'string' ? value : (value ?? []).join(', ');
      return [name, this.#hidden.from(text)] as const;
    });
    return { status, excerpt, headers: Object.fromEntries(shown) };
  }
}
