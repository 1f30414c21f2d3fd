import { Pool } from 'undici';
import { sign, signingKey } from './sign.ts';

/** Posts signed bodies over so many connections, one request at a time on each. */
export class Poster implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #key: Buffer;

  constructor(options: {
    readonly url: string;
    readonly secret: string;
    readonly connections: number;
  }) {
    const { origin, pathname } = new URL(options.url);
    this.#pool = new Pool(origin, { connections: options.connections, allowH2: false });
    this.#path = pathname;
    this.#key = signingKey(options.secret);
  }

  /** @throws Error when the answer is not 204. */
  async post(id: string, body: string): Promise<void> {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const answer = await this.#pool.request({
      method: 'POST',
      path: this.#path,
      headers: {
        'content-type': 'application/cloudevents+json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': sign(this.#key, { id, timestamp, body }),
      },
      body,
    });
    await answer.body.dump();
    if (answer.statusCode !== 204) throw new Error(`answered ${answer.statusCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
  }
}
