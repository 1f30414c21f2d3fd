import { createHmac } from 'node:crypto';

/** Not a secret of anybody: for benchmarks only. */
export const BENCH_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** The key behind a `whsec_` secret. */
export function signingKey(secret: string): Buffer {
  return Buffer.from(secret.slice('whsec_'.length), 'base64');
}

/** The signature of the Standard Webhooks specification, as plainly as it can be made. */
export function sign(
  key: Buffer,
  request: { readonly id: string; readonly timestamp: string; readonly body: string | Buffer },
): string {
  const mac = createHmac('sha256', key).update(`${request.id}.${request.timestamp}.`);
  return `v1,${mac.update(request.body).digest('base64')}`;
}
