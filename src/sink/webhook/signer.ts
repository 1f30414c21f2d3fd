import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * Signs requests as the Standard Webhooks specification says ("Signature scheme", v1): HMAC-SHA256
 * over `id.timestamp.body`, in base64. Every secret signs, so that a receiver may know any of them.
 */
export class Signer {
  readonly #keys: readonly KeyObject[];

  /** @param secrets `whsec_` and base64, checked by the configuration. */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) =>
      createSecretKey(Buffer.from(secret.slice(PREFIX.length), 'base64')),
    );
  }

  /**
   * The value of `webhook-signature`.
   * @param timestamp seconds since 1970.
   */
  sign(id: string, timestamp: number, body: string): string {
    const start = `${id}.${timestamp}.`;
    const signatures = this.#keys.map(
      (key) => `v1,${createHmac('sha256', key).update(start).update(body).digest('base64')}`,
    );
    return signatures.join(' ');
  }
}
