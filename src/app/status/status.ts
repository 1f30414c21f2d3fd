import type { LogHold } from '../trimming/log-hold.ts';

/** What `tidings status --json` prints and `Tidings.status()` returns. Stable: fields are only added. */
export interface Status {
  /** The service's process; null when none is running on this data directory. */
  readonly service: ServiceStatus | null;
  readonly sources: readonly SourceStatusReport[];
  readonly subscriptions: readonly SubscriptionStatusReport[];
}

export interface ServiceStatus {
  readonly pid: number;
  readonly version: string;
  readonly startedAt: string;
  /** When the figures were taken, ISO 8601. */
  readonly at: string;
  readonly dataDir: string;
}

export type CaptureState =
  | 'stopped'
  | 'connecting'
  | 'streaming'
  | 'reconnecting'
  /** The source refuses capture as it is; tried again with growing pauses, at least once a minute. */
  | 'refused'
  | 'disk full'
  | 'failed';

export interface ReportedError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface SourceStatusReport {
  readonly name: string;
  /** The database's address without its password. */
  readonly url: string;
  readonly state: CaptureState;
  /** Why it is in this state, when it is not `streaming` or `stopped`. */
  readonly error: ReportedError | null;
  readonly position: string | null;
  readonly lagBytes: number | null;
  readonly retainedBytes: number | null;
  readonly safeBytes: number | null;
  /** Changes that still lie in the WAL, estimated; null when nothing is known. */
  readonly uncaptured: number | null;
  readonly log: {
    readonly head: number;
    readonly floor: number;
    /** How far subscribers may read: everything below is visible on the database (invariant 4). */
    readonly horizon: number | null;
    readonly bytes: number;
    readonly segments: number;
    readonly gaps: number;
    /** Records that single deliveries need and whose segments are gone. */
    readonly kept: number;
    /** Who keeps the log beyond its limits; null when nobody does. */
    readonly hold: LogHold | null;
  };
  /** Since the service started; null when it is not running. */
  readonly captured: {
    readonly changes: number;
    readonly transactions: number;
    readonly reconnects: number;
  } | null;
}

export interface SubscriptionStatusReport {
  readonly name: string;
  readonly source: string;
  readonly state: 'live' | 'catching up' | 'paused' | 'draining' | 'full' | 'stopped';
  /** Why it is paused, by whom or what; null otherwise. */
  readonly reason: string | null;
  readonly cursor: number;
  /** Records between the cursor and the head. */
  readonly lag: number;
  readonly inFlight: number;
  readonly retrying: number;
  readonly blocked: number;
  readonly parked: number;
  /** Attempts past their deadline whose handler has not returned yet. */
  readonly stuck: number;
  /** When the attempt began that has been stuck longest, ISO 8601; null when there is none. */
  readonly stuckSince: string | null;
  /** Acknowledged since the service started. */
  readonly delivered: number;
  /** Acknowledged per second, over the last ten seconds or so. */
  readonly rate: number;
  /**
   * Seconds until it has caught up at its present pace, what still lies in the WAL included; null
   * when it does not get on, or that is not known.
   */
  readonly caughtUpIn: number | null;
  readonly lastError: {
    readonly code: string;
    readonly message: string;
    readonly at: string;
  } | null;
}
