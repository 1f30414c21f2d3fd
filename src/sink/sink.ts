import type { Change, Operation } from '../change/change.ts';

/** What an endpoint answered to an attempt, as far as it is kept and shown. */
export interface Answer {
  /** The HTTP status, or what stands for it with another kind of endpoint. */
  readonly status: number;
  /** The beginning of what it said; empty when it said nothing. */
  readonly excerpt: string;
}

/** Why an attempt did not succeed, in a form that is kept and shown. */
export interface AttemptError {
  readonly code: string;
  readonly message: string;
  /** Where it was thrown, one line per call, the innermost first; absent when it was not thrown. */
  readonly stack?: string;
  /** Absent when the endpoint did not answer, or has no answers. */
  readonly answer?: Answer;
}

/**
 * How an attempt ended.
 *
 * - `retry`: may succeed later. `after` is the earliest next attempt, milliseconds from now, when the
 *   receiver asked for a delay; with `rest` the whole endpoint asked to be left alone for that long,
 *   unless that is nothing.
 * - `reject`: parks at once, because trying again cannot help.
 * - `gone`: the endpoint wants nothing any more, neither this nor what follows.
 */
export type Outcome =
  | { readonly kind: 'ack' }
  | {
      readonly kind: 'retry';
      readonly error: AttemptError;
      readonly after?: number;
      readonly rest?: true;
      /** With `rest`: no change is at fault, so that they wait for as long as it takes. */
      readonly outage?: true;
    }
  | { readonly kind: 'reject'; readonly error: AttemptError }
  | { readonly kind: 'gone'; readonly error: AttemptError };

/** One change on its way to one endpoint. */
export interface Attempt {
  readonly subscription: string;
  readonly change: Change;
  /** 1 for the first attempt; counts over restarts. */
  readonly number: number;
}

/** A test delivery as it went over the wire, for people; secrets are left out. */
export interface Exchange {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  /** Null when there was none. */
  readonly answer: (Answer & { readonly headers: Readonly<Record<string, string>> }) | null;
  readonly outcome: Outcome;
  readonly milliseconds: number;
}

/** A kind of destination, bound to one endpoint. It knows no subscription and never retries. */
export interface Sink extends AsyncDisposable {
  readonly kind: string;
  /** The operations that it has a use for; the others need not be sent. Absent: all. */
  readonly operations?: readonly Operation[] | undefined;
  /** The columns whose changes it wants, where the subscription names none. Absent: all. */
  readonly columns?: readonly string[] | undefined;
  /**
   * Tries once. Resolves with the outcome and does not throw for what the receiver did. When the
   * signal aborts (deadline or shutdown) it gives up what it can and resolves soon after.
   */
  deliver(attempt: Attempt, signal: AbortSignal): Promise<Outcome>;
  /**
   * Sends a change that is marked as a test in such a way that no receiver takes it for a real one.
   * Absent where that cannot be told apart.
   */
  test?(attempt: Attempt, signal: AbortSignal): Promise<Exchange>;
}
