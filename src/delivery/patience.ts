import { backoff } from '../util/backoff.ts';
import type { DeliveryOptions } from './definition.ts';

/** From so many failures on the pauses do not grow any more, see {@link backoff}. */
const GROWING = 64;

/**
 * For how long after a delivery's first failure it costs no attempt to be told to wait: as long as
 * the attempts would have lasted anyway, milliseconds. An endpoint that tells everybody to wait for
 * ever must not keep a row from getting on for ever.
 */
export function patience({
  retry,
  maxAttempts,
}: Pick<DeliveryOptions, 'retry' | 'maxAttempts'>): number {
  const pauses = Math.max(0, maxAttempts - 1);
  let growing = 0;
  for (let failures = 1; failures <= Math.min(pauses, GROWING); failures += 1) {
    growing += backoff(retry, failures, 0);
  }
  // A program may ask for any number of attempts: adding each would take seconds for a thousand million.
  return growing + Math.max(0, pauses - GROWING) * backoff(retry, GROWING, 0);
}
