/** The options of a delivery that have a default. */
export type DeliveryOption =
  | 'maxConcurrency'
  | 'timeout'
  | 'maxAttempts'
  | 'backoff.first'
  | 'backoff.factor'
  | 'backoff.max'
  | 'backoff.jitter';

/** Defaults of a kind of endpoint, where they differ from those of the option table. */
export type DeliveryDefaults = { readonly [Option in DeliveryOption]?: string | number };

/** What is known of a kind of endpoint without loading it. */
export interface SinkTraits {
  readonly delivery: DeliveryDefaults;
  /** Whether one may be configured over HTTP: not when it runs code or writes files of this machine. */
  readonly overHttp: boolean;
}
