import type { AttemptError } from '../sink/sink.ts';
import type { Recovery } from './endpoint-health.ts';

export type AttemptResult = 'ack' | 'retry' | 'reject' | 'gone' | 'timeout' | 'abort';

/** Told of what happens; must not throw. Called often, so it should be cheap. */
export interface DeliveryObserver {
  /** An attempt has ended. A `timeout` is told when the endpoint returns. */
  attempt(subscription: string, result: AttemptResult, seconds: number): void;
  /** An endpoint that took what it got has begun to fail, with this delivery. */
  failing(subscription: string, offset: number, error: AttemptError): void;
  /** It takes changes again. */
  recovered(subscription: string, recovery: Recovery): void;
  /** A delivery will not be attempted any more by itself. */
  parked(subscription: string, offset: number, error: AttemptError): void;
  /** Somebody gave up a delivery. */
  discarded(subscription: string, offset: number, reason: string): void;
  /** Retention removed records that the subscription had not read; `to` is exclusive. */
  lost(subscription: string, from: number, to: number): void;
  /** The subscription names columns that this table does not have (any more). */
  missingColumns(subscription: string, table: string, columns: readonly string[]): void;
  /** Cursors and exceptions of this many subscriptions were written. */
  checkpoint(subscriptions: number, seconds: number): void;
  /** Something failed that is tried again, or that stops one subscription (null: none of them). */
  failure(subscription: string | null, error: unknown): void;
}

export const SILENT_OBSERVER: DeliveryObserver = {
  attempt: () => undefined,
  failing: () => undefined,
  recovered: () => undefined,
  parked: () => undefined,
  discarded: () => undefined,
  lost: () => undefined,
  missingColumns: () => undefined,
  checkpoint: () => undefined,
  failure: () => undefined,
};

/**
 * The moments between which a crash must skip nothing, in the order in which a delivery passes them.
 * Tests kill the process at each.
 */
export const DELIVERY_COMMIT_POINTS = [
  /** The change was read and taken; nobody has been told. */
  'delivery 1: taken',
  /** The endpoint has it; whether it took it is not known. */
  'delivery 2: attempted',
  /** The outcome is known here only. */
  'delivery 3: settled',
  /** Cursor and exceptions say so. */
  'delivery 4: checkpointed',
] as const;

export type DeliveryCommitPoint = (typeof DELIVERY_COMMIT_POINTS)[number];
