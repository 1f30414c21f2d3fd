import type { FilterDefinition } from '../subscription/filter.ts';
import type { StartAt } from '../subscription/start-at.ts';
import type { BackoffOptions } from '../util/backoff.ts';

/** How changes are delivered to one endpoint. */
export interface DeliveryOptions {
  /** Attempts under way at the same time. Default 16: enough to hide an endpoint's latency. */
  readonly maxConcurrency: number;
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
   * in memory (some 300 bytes each), so that is what it bounds. Default 10,000.
   */
  readonly maxExceptions: number;
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
}
