import { describeFailure } from '../sink/describe-failure.ts';
import type { StoredReplay } from '../state/state.ts';
import type { LastError } from './endpoint-window.ts';

/** How a subscription does. Times are milliseconds since 1970. */
export interface SubscriptionStatus {
  readonly name: string;
  readonly source: string;
  /**
   * `full`: so many deliveries are retrying or blocked that reading waits; `stopped`: it is not
   * running in this process.
   */
  readonly state: 'live' | 'catching up' | 'paused' | 'draining' | 'full' | 'stopped';
  /** Why it is paused, full or stopped; null otherwise. */
  readonly reason: string | null;
  /** The first offset whose outcome is not known. */
  readonly cursor: number;
  /** Records between the cursor and the head. */
  readonly lag: number;
  /** Places taken by attempts. */
  readonly inFlight: number;
  readonly retrying: number;
  readonly blocked: number;
  readonly parked: number;
  /** Attempts past their deadline whose endpoint has not returned yet. */
  readonly stuck: number;
  /** When the attempt began that has been stuck longest; null when there is none. */
  readonly stuckSince: number | null;
  /** Acknowledged since the service started. */
  readonly delivered: number;
  /** Acknowledged per second, over the last ten seconds or so. */
  readonly rate: number;
  /** Records that its cursor passes per second, over the last ten seconds or so. */
  readonly speed: number;
  readonly lastError: LastError | null;
  /** Set while its endpoint asked to be left alone. */
  readonly restsUntil: number | null;
  /** What is being delivered again, the oldest first. */
  readonly replays: readonly StoredReplay[];
}

/** The status of a subscription that does not run, with the reason when there is one. */
export function stoppedStatus(name: string, source: string, failure: unknown): SubscriptionStatus {
  const error = failure === null ? null : describeFailure(failure);
  return {
    name,
    source,
    state: 'stopped',
    reason: error?.message ?? null,
    cursor: 0,
    lag: 0,
    inFlight: 0,
    retrying: 0,
    blocked: 0,
    parked: 0,
    stuck: 0,
    stuckSince: null,
    delivered: 0,
    rate: 0,
    speed: 0,
    lastError: error === null ? null : { ...error, at: Date.now() },
    restsUntil: null,
    replays: [],
  };
}
