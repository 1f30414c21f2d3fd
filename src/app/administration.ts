import type { EndpointDocument } from '../config/sink-kinds.ts';
import type { WireChange } from '../change/wire.ts';
import type { StartAt } from '../option/start-at.ts';
import type { TrimReport, TrimRequest } from './trimming/trim-request.ts';
import type { SubscriptionStatusReport } from './status/status.ts';

/**
 * What can be asked of a running service and done to it, with the shapes that the library returns,
 * the HTTP API answers and `--json` prints. Stable: fields are only added. Times are ISO 8601 in UTC.
 */
export interface Administration {
  /** All subscriptions, those too that are only remembered, in the order of their names. */
  subscriptions(): Promise<readonly SubscriptionReport[]>;
  /**
   * One subscription, with its `warnings`.
   * @param options `warnings`: false asks the database nothing; default: true. `signal` ends the wait
   *   for them, and nothing else.
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`
   */
  subscription(
    name: string,
    options?: { readonly warnings?: boolean; readonly signal?: AbortSignal },
  ): Promise<SubscriptionReport>;
  /**
   * Makes a subscription that outlives restarts and begins at once. `definition` is what
   * `subscriptions.*` in the configuration takes; endpoints that run code or read files of this
   * machine are refused, because who may call the API is not who owns the machine. `signal` ends the
   * wait for `warnings`, also in a change.
   * @throws TidingsError `SUBSCRIPTION_EXISTS`, `CONFIG_*`, `FILTER_INVALID`
   */
  createSubscription(
    name: string,
    definition: unknown,
    signal?: AbortSignal,
  ): Promise<SubscriptionReport>;
  /**
   * Replaces the definition of a subscription that was made so; its place in the log and its
   * exceptions stay.
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`, `SUBSCRIPTION_PROTECTED`, `CONFIG_*`
   */
  changeSubscription(
    name: string,
    definition: unknown,
    signal?: AbortSignal,
  ): Promise<SubscriptionReport>;
  /**
   * Ends a subscription and forgets its place and what it has parked. Also one that is remembered
   * and registered by nobody any more, which would hold the log for ever (invariant 11).
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`, `SUBSCRIPTION_PROTECTED`
   */
  deleteSubscription(name: string): Promise<void>;
  /** Stands still until it is resumed, also over restarts. */
  pause(subscription: string, reason?: string): Promise<void>;
  /** Goes on after a pause, also one that an endpoint's 410 caused. */
  resume(subscription: string): Promise<void>;
  /** Delivers everything from there on again, in order. */
  rewind(subscription: string, to: StartAt): Promise<void>;
  /** One page of deliveries that are not done, or were given up. */
  deliveries(query?: DeliveryQuery): Promise<DeliveryPage>;
  /** @throws TidingsError `SUBSCRIPTION_UNKNOWN`, `EXCEPTION_UNKNOWN` */
  delivery(subscription: string, offset: number): Promise<DeliveryReport>;
  /**
   * The change of a delivery, in the wire form; null when retention has removed it.
   * @throws TidingsError `SUBSCRIPTION_UNKNOWN`, `EXCEPTION_UNKNOWN`
   */
  deliveredChange(subscription: string, offset: number): Promise<WireChange | null>;
  /**
   * Attempts a delivery now that waits for its next attempt.
   * @throws TidingsError `EXCEPTION_UNKNOWN`, `DELIVERY_IN_FLIGHT`, `DELIVERY_BLOCKED`
   */
  retry(subscription: string, offset: number): Promise<void>;
  /**
   * Delivers again what this range of the log, or everything parked, has for the subscription: new
   * attempts with the same change ids, in log order per row, while new changes go on. Resolves when
   * it is written down; it outlives restarts.
   * @throws TidingsError `LOG_PRUNED`, `OFFSET_UNKNOWN`
   */
  replay(subscription: string, what: ReplayRequest): Promise<ReplayReport>;
  /**
   * Gives up a delivery that is parked or waits; the endpoint never gets it by itself. The reason is
   * kept.
   * @throws TidingsError `EXCEPTION_UNKNOWN`, `DELIVERY_IN_FLIGHT`
   */
  discard(subscription: string, offset: number, reason: string): Promise<void>;
  /**
   * Sends one delivery that is marked as a test, and shows what went over the wire.
   * @throws TidingsError `TEST_UNSUPPORTED` for endpoints that could take it for a real one.
   */
  testDelivery(subscription: string, signal?: AbortSignal): Promise<TestReport>;
  /**
   * Changes of the log from an offset on, as far as they are visible on the database. With `wait` it
   * resolves as soon as there is one, or with none when the time is over.
   * @throws TidingsError `LOG_PRUNED` when the offset lies below the floor, `OFFSET_UNKNOWN` beyond
   *   the head.
   */
  changes(query: ChangesQuery, signal?: AbortSignal): Promise<ChangesPage>;
  /**
   * Removes whole segments from the old end of logs, as far as no subscription needs them.
   * @param options `source`: only this one; `force`: also what is needed, and whoever needs it is
   *   told by offset what is lost.
   * @throws TidingsError `SOURCE_UNKNOWN`, `LOG_NEEDED`
   */
  trimLog(
    request: TrimRequest,
    options?: { readonly source?: string; readonly force?: boolean },
  ): Promise<readonly TrimReport[]>;
}

/** Where a subscription was made: only what the API made can be changed and deleted there. */
export type SubscriptionOrigin = 'configuration' | 'program' | 'api' | 'none';

export interface SubscriptionReport extends SubscriptionStatusReport {
  /** `none`: remembered from an earlier run, and nobody registers it now. */
  readonly origin: SubscriptionOrigin;
  /** True when it cannot be changed or deleted here, but where it was made. */
  readonly protected: boolean;
  /** As in the configuration, defaults filled in and secrets left out; null for `none`. */
  readonly definition: SubscriptionDocument | null;
  readonly createdAt: string | null;
  /**
   * What the definition names and the database does not have, one sentence each; empty in a list of
   * all subscriptions, in the answers of the API to a pause, a resume or a rewind, and while the
   * database cannot be asked or does not answer within two seconds. Tables may still be made.
   */
  readonly warnings: readonly string[];
  /** Set while its endpoint asked to be left alone: nothing is sent until then. */
  readonly restsUntil: string | null;
  /** Ranges that are being replayed, the oldest first. */
  readonly replays: readonly ReplayReport[];
  /** Records that retention removed before it had them, the newest ten; `to` is exclusive. */
  readonly losses: readonly { readonly from: number; readonly to: number; readonly at: string }[];
}

export interface SubscriptionDocument {
  readonly source: string;
  readonly tables: readonly string[];
  readonly operations: readonly string[] | null;
  readonly columns: readonly string[] | null;
  readonly where: string | null;
  readonly to: EndpointDocument;
  readonly delivery: {
    readonly maxConcurrency: number;
    /** Attempts per second; null for no limit. */
    readonly rate: number | null;
    /** Times in milliseconds. */
    readonly timeout: number;
    readonly maxAttempts: number;
    readonly backoff: {
      readonly first: number;
      readonly factor: number;
      readonly max: number;
      readonly jitter: number;
    };
  };
}

export type DeliveryStateName = 'retrying' | 'blocked' | 'parked' | 'discarded';

export interface DeliveryQuery {
  /** Default: all. */
  readonly subscription?: string;
  /** Default: retrying, blocked and parked. */
  readonly states?: readonly DeliveryStateName[];
  /** `next` of the page before. */
  readonly after?: string;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
}

export interface DeliveryPage {
  readonly deliveries: readonly DeliveryReport[];
  /** Hand it in as `after` for the next page; null when this was the last. */
  readonly next: string | null;
}

export interface DeliveryReport {
  readonly subscription: string;
  readonly offset: number;
  /** `schema.name` */
  readonly table: string;
  /** The row's key as the log has it; null when the table has none. */
  readonly key: string | null;
  readonly state: DeliveryStateName;
  /** Attempts begun. */
  readonly attempts: number;
  /** When its first attempt failed. */
  readonly failedAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly lastError: DeliveryError | null;
  /** Why somebody gave it up, and when; null otherwise. */
  readonly discarded: { readonly reason: string; readonly at: string } | null;
}

export interface DeliveryError {
  readonly code: string;
  readonly message: string;
  /** Where it was thrown, one line per call; null when it was not. */
  readonly stack: string | null;
  /** The HTTP status of the last attempt; null when there was no answer. */
  readonly status: number | null;
  /** The beginning of the answer's body; null when there was no answer. */
  readonly excerpt: string | null;
}

export type ReplayRequest =
  /** One delivery: parked, waiting, or done long ago. */
  | { readonly offset: number }
  /** Everything that is parked now. */
  | { readonly parked: true }
  /** A range of the log; `to` is exclusive, by default what was read so far. */
  | { readonly from: StartAt; readonly to?: StartAt };

export interface ReplayReport {
  readonly kind: 'parked' | 'range';
  /** The next offset to be looked at. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

export interface TestReport {
  readonly subscription: string;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly excerpt: string;
  } | null;
  readonly outcome: 'ack' | 'retry' | 'reject' | 'gone';
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly milliseconds: number;
}

export interface ChangesQuery {
  /** May be left out when there is only one. */
  readonly source?: string;
  /** The last offset that the caller has; the page begins behind it. Default: from the floor. */
  readonly after?: number;
  /** Default 100, at most 1,000. */
  readonly limit?: number;
  /** How long to wait when there is nothing yet, milliseconds. Default 0, at most 60,000. */
  readonly wait?: number;
  /** As in subscriptions. */
  readonly tables?: readonly string[];
  readonly operations?: readonly string[];
  readonly columns?: readonly string[];
  readonly where?: string;
}

/** A change that a page passes over. */
export interface PassedOverChange {
  readonly offset: number;
  /** `VALUE_TOO_LARGE`. */
  readonly code: string;
  /** Which change it is, and which column makes it too large. */
  readonly message: string;
}

export interface ChangesPage {
  readonly source: string;
  /** In the wire form, as a webhook gets them. */
  readonly changes: readonly WireChange[];
  /** Changes that are too large to be handed on. */
  readonly passedOver: readonly PassedOverChange[];
  /** What to hand in as `after` next: also moves past changes that the filter left out. */
  readonly after: number;
  readonly floor: number;
  /** The next offset of the log. */
  readonly head: number;
}
