import type { Change } from '../change/change.ts';
import { untilWoken } from '../util/until-woken.ts';
import { failureOf } from '../sink/describe-failure.ts';
import type { Attempt as SinkAttempt, Outcome, Sink } from '../sink/sink.ts';
import { timerDelay } from '../util/timer-delay.ts';
import type { Delivery } from './delivery.ts';

/** How an attempt ended, from the driver's view. */
export type AttemptEnd = Outcome | { readonly kind: 'timeout' } | { readonly kind: 'abort' };

export interface AttemptsOptions {
  readonly sink: Sink;
  readonly subscription: string;
  /** Deadline of one attempt, milliseconds. */
  readonly timeout: number;
  /** How long an attempt keeps its place after its deadline, milliseconds. */
  readonly grace: number;
  /** The deadline passed; the end follows when the endpoint returns, if it ever does. */
  readonly onTimeout: (delivery: Delivery) => void;
  readonly onEnd: (delivery: Delivery, end: AttemptEnd, seconds: number) => void;
  /** An endpoint did not return within the grace either: its place is free for others. */
  readonly onRelease: () => void;
}

interface Attempt {
  readonly delivery: Delivery;
  readonly controller: AbortController;
  readonly startedAt: number;
  readonly isRetry: boolean;
}

/**
 * The attempts under way to one endpoint, with their deadlines.
 *
 * At its deadline an attempt's signal aborts. An endpoint that returns soon after that frees its
 * place. One that does not keeps its row, but after the grace no longer a place: a call that never
 * returns must not take one of the few places away for good (invariant 8).
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  /** In the order of their deadlines, because all have the same time. */
  readonly #running = new Set<Attempt>();
  readonly #overdue = new Set<Attempt>();
  readonly #released = new Set<Attempt>();
  #retries = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #onIdle = new Set<() => void>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** Places taken. */
  get places(): number {
    return this.#running.size + this.#overdue.size;
  }

  /** Places taken by attempts that are not the first of their delivery. */
  get retries(): number {
    return this.#retries;
  }

  /** Deliveries whose attempt is past its deadline, the longest first. */
  *overdue(): IterableIterator<Delivery> {
    for (const { delivery } of this.#released) yield delivery;
    for (const { delivery } of this.#overdue) yield delivery;
  }

  /** Makes an attempt; `delivery` is in flight. */
  begin(delivery: Delivery, change: Change): void {
    const { sink, subscription, timeout } = this.#options;
    const attempt: Attempt = {
      delivery,
      controller: new AbortController(),
      startedAt: delivery.startedAt,
      isRetry: delivery.attempts > 1,
    };
    this.#running.add(attempt);
    if (attempt.isRetry) this.#retries += 1;
    if (this.#timer === null) this.#arm(timeout);
    const call = { subscription, change, number: delivery.attempts };
    callSink(sink, call, attempt.controller.signal).then(
      (outcome) => this.#end(attempt, outcome),
      // A sink must not reject; when one does, the change is no worse off than with a failure.
      (error: unknown) => this.#end(attempt, failureOf(error)),
    );
  }

  /** Resolves when no place is taken, or when the signal aborts. */
  async idle(signal: AbortSignal): Promise<void> {
    if (this.places === 0) return;
    await untilWoken(signal, (wake) => {
      this.#onIdle.add(wake);
      return () => this.#onIdle.delete(wake);
    });
  }

  /** Cuts short whatever is under way; how it ends after this is of no interest any more. */
  abort(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const reason = new DOMException('Tidings is shutting down', 'AbortError');
    for (const attempts of [this.#running, this.#overdue, this.#released]) {
      for (const attempt of attempts) {
        attempts.delete(attempt);
        attempt.controller.abort(reason);
        this.#options.onEnd(attempt.delivery, { kind: 'abort' }, elapsed(attempt));
      }
    }
    this.#retries = 0;
    this.#tellIdle();
  }

  #end(attempt: Attempt, outcome: Outcome): void {
    const { onEnd } = this.#options;
    if (this.#running.delete(attempt)) {
      this.#freePlace(attempt);
      onEnd(attempt.delivery, outcome, elapsed(attempt));
    } else if (this.#overdue.delete(attempt)) {
      this.#freePlace(attempt);
      onEnd(attempt.delivery, { kind: 'timeout' }, elapsed(attempt));
    } else if (this.#released.delete(attempt)) {
      onEnd(attempt.delivery, { kind: 'timeout' }, elapsed(attempt));
    }
    if (this.places === 0) this.#tellIdle();
  }

  #freePlace(attempt: Attempt): void {
    if (attempt.isRetry) this.#retries -= 1;
  }

  #arm(delay: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#checkDeadlines();
    }, timerDelay(delay));
  }

  #checkDeadlines(): void {
    const { timeout, grace, onTimeout, onRelease } = this.#options;
    const now = performance.now();
    for (const attempt of this.#running) {
      if (attempt.startedAt + timeout > now) break;
      this.#running.delete(attempt);
      this.#overdue.add(attempt);
      const message = `The deadline of ${timeout / 1_000} s has passed`;
      attempt.controller.abort(new DOMException(message, 'TimeoutError'));
      onTimeout(attempt.delivery);
    }
    for (const attempt of this.#overdue) {
      if (attempt.startedAt + timeout + grace > now) break;
      this.#overdue.delete(attempt);
      this.#released.add(attempt);
      this.#freePlace(attempt);
      onRelease();
    }
    const next = Math.min(
      deadlineOf(this.#running, timeout),
      deadlineOf(this.#overdue, timeout + grace),
    );
    if (next !== Infinity) this.#arm(next - now);
    if (this.places === 0) this.#tellIdle();
  }

  #tellIdle(): void {
    for (const done of this.#onIdle) done();
  }
}

/** An endpoint that throws at once is one that rejects. */
function callSink(sink: Sink, attempt: SinkAttempt, signal: AbortSignal): Promise<Outcome> {
  try {
    return sink.deliver(attempt, signal);
  } catch (error) {
    return Promise.reject(error);
  }
}

function deadlineOf(attempts: ReadonlySet<Attempt>, time: number): number {
  for (const { startedAt } of attempts) return startedAt + time;
  return Infinity;
}

function elapsed({ startedAt }: Attempt): number {
  return (performance.now() - startedAt) / 1_000;
}
