import type { FilterDefinition } from '../subscription/filter.ts';
import type { StartAt } from '../option/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { BackoffOptions } from '../util/backoff.ts';

/** How changes are delivered to one endpoint. */
export interface DeliveryOptions {
  /** Attempts under way at the same time. Default 16: enough to hide an endpoint's latency. */
  readonly maxConcurrency: number;
  /** Attempts that may begin per second. Default: no limit. */
  readonly rate?: number;
  /** After this many failed attempts a delivery is parked. Default 10: with the
   * pauses between them, some eight minutes. */
  readonly maxAttempts: number;
  /** Deadline of one attempt, milliseconds. Default 30 s. */
  readonly timeout: number;
  /** How long an attempt that ignores its deadline keeps its place, milliseconds. Default 5 s. */
  readonly grace: number;
  /** Pauses between attempts. Default 1 s, doubling up to 5 minutes. */
  readonly retry: BackoffOptions;
  /**
   * Deliveries that may be retrying or blocked before the subscription stops reading. They are kept
   * in memory (some 1.1 kB each), so that is what it bounds; `OpenRoom` bounds all subscriptions
   * together. Default 10,000.
   */
  readonly maxExceptions: number;
}

/** What a value of each option may be. */
const LIMITS = {
  maxConcurrency: { min: 1, integer: true },
  maxAttempts: { min: 1, integer: true },
  timeout: { min: 1, integer: false },
  grace: { min: 0, integer: false },
  maxExceptions: { min: 1, integer: true },
} as const;

/**
 * The options with the defaults filled in.
 * @throws TidingsError `CONFIG_INVALID`: a subscription with no place, for instance, would stand
 *   still without a word.
 */
export function completeDelivery({ name, delivery = {} }: SubscriptionDefinition): DeliveryOptions {
  const complete = { ...DEFAULT_DELIVERY, ...delivery };
  for (const [key, { min, integer }] of Object.entries(LIMITS)) {
    const value = complete[key as keyof typeof LIMITS];
    if (value >= min && (!integer || Number.isSafeInteger(value))) continue;
    const problem = `has to be ${integer ? 'an integer' : 'a number'} of at least ${min}`;
    throw new TidingsError('CONFIG_INVALID', { origin: `Subscription ${name}`, key, problem });
  }
  return complete;
}

export const DEFAULT_DELIVERY: DeliveryOptions = {
  maxConcurrency: 16,
  maxAttempts: 10,
  timeout: 30_000,
  grace: 5_000,
  retry: { first: 1_000, factor: 2, max: 300_000, jitter: 0.3 },
  maxExceptions: 10_000,
};

/** A subscription as it is configured. */
export interface SubscriptionDefinition {
  readonly name: string;
  /** `columns` also limits the rows that are handed over. */
  readonly filter: FilterDefinition;
  /** Where a subscription begins that is new. Default `head`. */
  readonly from?: StartAt | undefined;
  readonly delivery?: Partial<DeliveryOptions> | undefined;
  /** Text to be remembered with it when it is new, from which it can be made again. */
  readonly stored?: string | undefined;
}
