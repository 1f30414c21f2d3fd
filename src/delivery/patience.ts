import { backoff } from '../util/backoff.ts';
import type { DeliveryOptions } from './definition.ts';

/**
 * For how long after a delivery's first failure it costs no attempt to be told to wait: as long as
 * the attempts would have lasted anyway, milliseconds. An endpoint that tells everybody to wait for
 * ever must not keep a row from getting on for ever.
 */
export function patience({ retry, maxAttempts }: DeliveryOptions): number {
  let pauses = 0;
  for (let failures = 1; failures < maxAttempts; failures += 1) {
    pauses += backoff(retry, failures, 0);
  }
  return pauses;
}
