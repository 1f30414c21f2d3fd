import type { Change } from '../change/change.ts';

/** Why an attempt did not succeed, in a form that is kept and shown. */
export interface AttemptError {
  readonly code: string;
  readonly message: string;
}

/**
 * How an attempt ended. `retry` may name the earliest next attempt (milliseconds from now) when the
 * receiver asked for a delay; `reject` parks at once because trying again cannot help.
 */
export type Outcome =
  | { readonly kind: 'ack' }
  | { readonly kind: 'retry'; readonly error: AttemptError; readonly after?: number }
  | { readonly kind: 'reject'; readonly error: AttemptError };

/** One change on its way to one endpoint. */
export interface Attempt {
  readonly subscription: string;
  readonly change: Change;
  /** 1 for the first attempt; counts over restarts. */
  readonly number: number;
}

/** A kind of destination, bound to one endpoint. It knows no subscription and never retries. */
export interface Sink extends AsyncDisposable {
  readonly kind: string;
  /**
   * Tries once. Resolves with the outcome and does not throw for what the receiver did. When the
   * signal aborts (deadline or shutdown) it gives up what it can and resolves soon after.
   */
  deliver(attempt: Attempt, signal: AbortSignal): Promise<Outcome>;
}
