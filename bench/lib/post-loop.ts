import { Pool } from 'undici';
import { sign, signingKey } from './sign.ts';

/** One request, without its signature. */
export interface Post {
  readonly path: string;
  readonly id: string;
  readonly body: string;
}

/** Posts signed bodies over so many connections to one host, one request at a time on each. */
export class Poster implements AsyncDisposable {
  readonly #pool: Pool;
  readonly #key: Buffer;

  constructor(options: {
    readonly origin: string;
    readonly secret: string;
    readonly connections: number;
  }) {
    this.#pool = new Pool(options.origin, { connections: options.connections, allowH2: false });
    this.#key = signingKey(options.secret);
  }

  /** @throws Error when the answer is not 204. */
  async post({ path, id, body }: Post): Promise<void> {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const answer = await this.#pool.request({
      method: 'POST',
      path,
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
