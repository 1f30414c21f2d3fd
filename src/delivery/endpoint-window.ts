import type { Change } from '../change/change.ts';
import type { ChangeView } from '../change/decode.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { LogRecord } from '../log/log.ts';
import { describeFailure, failureOf } from '../sink/describe-failure.ts';
import type { AttemptError, Sink } from '../sink/sink.ts';
import { backoff } from '../util/backoff.ts';
import { sleep } from '../util/sleep.ts';
import { type AttemptEnd, Attempts } from './attempts.ts';
import type { DeliveryOptions } from './definition.ts';
import { Delivery } from './delivery.ts';
import type { DeliveryInput } from './delivery-state.ts';
import { EndpointHealth } from './endpoint-health.ts';
import type { DeliveryCommitPoint, DeliveryObserver } from './observer.ts';
import type { OpenDeliveries } from './open-deliveries.ts';
import { Pace } from './pace.ts';
import { patience } from './patience.ts';
import { ReadyQueue } from './ready-queue.ts';
import { RetryTimer } from './retry-timer.ts';
import { RowOrder } from './row-order.ts';

export interface EndpointWindowOptions {
  readonly subscription: string;
  readonly sink: Sink;
  readonly delivery: DeliveryOptions;
  readonly open: OpenDeliveries;
  /** The change as this subscription gets it. */
  readonly toChange: (view: ChangeView) => Change;
  /** Reads one record again. Rejects with `LOG_PRUNED` when it is gone. */
  readonly readAgain: (offset: number) => Promise<ChangeView>;
  /** Something has to be written down. */
  readonly onChanged: () => void;
  /** The endpoint wants nothing any more; no attempt begins until the window is released. */
  readonly onGone: (error: AttemptError) => void;
  readonly observer: DeliveryObserver;
  readonly onCommitPoint?: ((point: DeliveryCommitPoint) => void) | undefined;
}

/** The log cannot be read at the moment: the pause before it is tried again, milliseconds. */
const READ_PAUSE = 1_000;

/** The failure that was seen last. */
export interface LastError extends AttemptError {
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * The deliveries of one endpoint that are under way or wait: who may go next, what each outcome
 * means. The rules are in `delivery-state.ts` (what an outcome does), `row-order.ts` (who waits for
 * whom) and `open-deliveries.ts` (what is written down); this carries them out.
 */
export class EndpointWindow {
  readonly #options: EndpointWindowOptions;
  readonly #open: OpenDeliveries;
  readonly #attempts: Attempts;
  readonly #ready: ReadyQueue;
  readonly #retryTimer: RetryTimer;
  readonly #patience: number;
  readonly #health = new EndpointHealth();
  readonly pace: Pace;
  #run = new AbortController();
  #order = new RowOrder();
  /** Still running at a rewind: of no interest but for the row that they hold. */
  readonly #abandoned = new Set<Delivery>();
  /** Being read from the log again; each takes a place. */
  #loading = 0;
  #held = true;
  #pumping = false;
  delivered = 0;
  lastError: LastError | null = null;

  constructor(options: EndpointWindowOptions) {
    const { subscription, sink, delivery } = options;
    this.#options = options;
    this.#open = options.open;
    this.#ready = new ReadyQueue(delivery.maxConcurrency);
    this.#retryTimer = new RetryTimer((delivery) => this.#due(delivery));
    this.#patience = patience(delivery);
    this.pace = new Pace(delivery.rate, () => this.#pump());
    this.#attempts = new Attempts({
      sink,
      subscription,
      timeout: delivery.timeout,
      grace: delivery.grace,
      onTimeout: (late) => this.#timedOut(late),
      onEnd: (ended, end, seconds) => this.#ended(ended, end, seconds),
      onRelease: () => this.#pump(),
    });
  }

  get inFlight(): number {
    return this.#attempts.places;
  }

  /** Deliveries whose attempt is past its deadline, the longest first. */
  overdue(): IterableIterator<Delivery> {
    return this.#attempts.overdue();
  }

  /** Takes a change that was just read; the caller has seen that there is room. */
  take(record: LogRecord, view: ChangeView): void {
    const delivery = new Delivery(record, view);
    this.#open.admit(delivery);
    this.#options.onCommitPoint?.('delivery 1: taken');
    if (this.#order.add(delivery)) this.#becomeReady(delivery, 'unblock');
  }

  /** Takes over an exception of an earlier run; to be called in the order of offsets. */
  restore(delivery: Delivery): void {
    this.#open.restore(delivery);
    this.#line(delivery);
  }

  /** Stops making attempts. Those under way go on. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  /** Resolves when no attempt has a place, or when the signal aborts. */
  idle(signal: AbortSignal): Promise<void> {
    return this.#attempts.idle(signal);
  }

  /** Forgets everything but the rows that are held by attempts past their deadline. */
  reset(): void {
    this.#run.abort();
    this.#run = new AbortController();
    this.#ready.clear();
    this.#retryTimer.clear();
    this.#order = new RowOrder();
    for (const delivery of this.#attempts.overdue()) {
      this.#abandoned.add(delivery);
      delivery.place.waitingFor = 0;
      delivery.place.followers = null;
      this.#order.add(delivery);
    }
  }

  /** Cuts short what is under way. Nothing happens here any more after that. */
  close(): void {
    this.#held = true;
    this.#run.abort();
    this.#retryTimer.clear();
    this.pace.close();
    this.#attempts.abort();
  }

  /** Attempts a delivery now that is retrying or parked. False when its state refuses that. */
  replay(delivery: Delivery): boolean {
    const wasParked = delivery.state === 'parked';
    if (delivery.state === 'retrying' && delivery.place.waitingFor > 0) {
      // Its row is not free; its turn comes as soon as it is.
      delivery.dueAt = 0;
      return true;
    }
    if (!delivery.apply('replay', this.#maxAttempts)) return false;
    if (wasParked) {
      this.#open.unpark(delivery);
      if (this.#order.add(delivery)) this.#becomeReady(delivery, 'unblock');
    } else if (delivery.state === 'ready') this.#enqueue(delivery);
    this.#options.onChanged();
    return true;
  }

  /** Takes back one that is done or was given up, or was parked below the cursor (a replay). */
  readmit(delivery: Delivery): void {
    this.#open.readmit(delivery);
    if (this.#order.add(delivery)) this.#becomeReady(delivery, 'unblock');
    this.#options.onChanged();
  }

  /** Gives up a delivery. False when its state refuses that. */
  discard(delivery: Delivery, reason: string): boolean {
    const { state } = delivery;
    if (!delivery.apply('discard', this.#maxAttempts)) return false;
    delivery.discarded = { reason, at: Date.now() };
    if (state === 'parked') this.#open.parked -= 1;
    this.#open.changed(delivery);
    // With something before it, it keeps its place in the row until it is reached: who is behind it
    // has to wait for those before it all the same.
    if (state !== 'parked' && delivery.place.waitingFor === 0) this.#leaveRow(delivery);
    this.#options.onChanged();
    return true;
  }

  get #maxAttempts(): number {
    return this.#options.delivery.maxAttempts;
  }

  /** Puts an exception in line; one that nothing is in the way of goes on where it was. */
  #line(delivery: Delivery): void {
    const free = this.#order.add(delivery);
    if (delivery.state === 'retrying') {
      const { nextAttemptAt } = delivery;
      // Bounded, because the wall clock may have been set since it was written.
      const wait = nextAttemptAt === null ? 0 : nextAttemptAt - Date.now();
      const { max } = this.#options.delivery.retry;
      this.#retryTimer.add(delivery, Math.max(0, Math.min(wait, max)));
    } else if (free) this.#becomeReady(delivery, 'unblock');
  }

  /**
   * The pause of a delivery is over, or what was in its way is gone; both have to be. A delivery that
   * is retrying has something before it only when that was replayed, or runs on from before a rewind.
   */
  #due(delivery: Delivery): void {
    if (delivery.place.waitingFor > 0 || delivery.dueAt > performance.now()) return;
    this.#becomeReady(delivery, 'due');
  }

  #becomeReady(delivery: Delivery, input: DeliveryInput): void {
    delivery.apply(input, this.#maxAttempts);
    this.#enqueue(delivery);
  }

  #enqueue(delivery: Delivery): void {
    this.#ready.add(delivery);
    this.#pump();
  }

  /** Starts attempts soon, once for all that becomes ready at this moment. */
  #pump(): void {
    if (this.#pumping || this.#held) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#startReady();
    });
  }

  #startReady(): void {
    const { maxConcurrency } = this.#options.delivery;
    while (!this.#held && this.#attempts.places + this.#loading < maxConcurrency) {
      if (this.#ready.size === 0 || !this.pace.open) return;
      const delivery = this.#ready.take(this.#attempts.retries);
      if (delivery === undefined) return;
      // It may have been discarded while it waited.
      if (delivery.state !== 'ready') continue;
      this.pace.count();
      if (delivery.view === null) void this.#load(delivery);
      else this.#start(delivery, delivery.view);
    }
  }

  #start(delivery: Delivery, view: ChangeView): void {
    const { toChange, onCommitPoint } = this.#options;
    delivery.apply('start', this.#maxAttempts);
    delivery.startedAt = performance.now();
    let change: Change;
    try {
      change = toChange(view);
    } catch (error) {
      // Nothing was sent, and nothing can be: parked sooner or later, for somebody to look at.
      this.#ended(delivery, failureOf(error), 0);
      return;
    }
    this.#attempts.begin(delivery, change);
    onCommitPoint?.('delivery 2: attempted');
  }

  /** Reads an exception's record again. It waits as long as the log cannot be read. */
  async #load(delivery: Delivery): Promise<void> {
    const { signal } = this.#run;
    this.#loading += 1;
    let view: ChangeView | null = null;
    while (view === null && delivery.state === 'ready' && !signal.aborted) {
      try {
        view = await this.#options.readAgain(delivery.offset);
      } catch (error) {
        if (isTidingsError(error, 'LOG_PRUNED')) {
          this.#recordGone(delivery, error);
          break;
        }
        this.#options.observer.failure(this.#options.subscription, error);
        await sleep(READ_PAUSE, signal);
      }
    }
    this.#loading -= 1;
    if (view !== null && delivery.state === 'ready' && !signal.aborted) {
      if (this.#held || this.pace.restsUntil !== null) this.#ready.add(delivery);
      else this.#start(delivery, view);
    }
    this.#pump();
  }

  #recordGone(delivery: Delivery, error: Error & AttemptError): void {
    if (delivery.state !== 'ready') return;
    delivery.apply('start', this.#maxAttempts);
    this.#ended(delivery, { kind: 'reject', error: describeFailure(error) }, 0);
  }

  #timedOut(delivery: Delivery): void {
    if (this.#abandoned.has(delivery)) return;
    const { timeout } = this.#options.delivery;
    delivery.apply('timeout', this.#maxAttempts);
    this.#failed(delivery, {
      code: 'DELIVERY_TIMEOUT',
      message: `The attempt did not end within its deadline of ${timeout / 1_000} s`,
    });
    this.#open.changed(delivery);
    this.#options.onChanged();
  }

  #ended(delivery: Delivery, end: AttemptEnd, seconds: number): void {
    const { observer, subscription, onCommitPoint, onChanged } = this.#options;
    observer.attempt(subscription, end.kind, seconds);
    if (this.#abandoned.delete(delivery)) {
      this.#leaveRow(delivery);
      return;
    }
    if ('error' in end) this.#failed(delivery, end.error);
    else if (end.kind === 'ack') this.#took(delivery);
    delivery.apply(this.#inputOf(delivery, end), this.#maxAttempts);
    if (delivery.state === 'done') this.delivered += 1;
    else if (delivery.state === 'parked' && delivery.error !== null) {
      observer.parked(subscription, delivery.offset, delivery.error);
    } else if (delivery.state === 'retrying') this.#retryLater(delivery, end);
    if (end.kind === 'gone') {
      this.#held = true;
      this.#options.onGone(end.error);
    }
    onCommitPoint?.('delivery 3: settled');
    this.#open.changed(delivery);
    onChanged();
    if (delivery.state === 'done' || delivery.state === 'parked') this.#leaveRow(delivery);
    this.#pump();
  }

  /** Being told to wait is no failure, until patience is at its end. */
  #inputOf(delivery: Delivery, end: AttemptEnd): DeliveryInput {
    if (end.kind === 'timeout') return 'return';
    if (end.kind === 'gone') return 'defer';
    if (end.kind !== 'retry') return end.kind;
    const rest = restOf(end);
    if (rest === 0) return 'retry';
    this.pace.rest(rest);
    if (end.outage === true) return 'defer';
    return Date.now() - (delivery.failedAt ?? 0) < this.#patience ? 'defer' : 'retry';
  }

  #failed(delivery: Delivery, error: AttemptError): void {
    const at = Date.now();
    const { code, message, stack, answer } = error;
    delivery.error = {
      code,
      message,
      ...(stack === undefined ? {} : { stack }),
      ...(answer === undefined ? {} : { answer }),
    };
    delivery.failedAt ??= at;
    this.lastError = { code, message, at };
    if (this.#health.failed(performance.now())) {
      const { observer, subscription } = this.#options;
      observer.failing(subscription, delivery.offset, delivery.error);
    }
  }

  #took({ startedAt }: Delivery): void {
    const recovery = this.#health.took(startedAt, performance.now());
    if (recovery !== null) this.#options.observer.recovered(this.#options.subscription, recovery);
  }

  #retryLater(delivery: Delivery, end: AttemptEnd): void {
    const { retry } = this.#options.delivery;
    const asked = end.kind === 'retry' ? (end.after ?? 0) : 0;
    const deferred = end.kind === 'gone' || restOf(end) > 0;
    const delay = Math.max(asked, deferred ? 0 : backoff(retry, delivery.attempts));
    delivery.nextAttemptAt = Date.now() + Math.ceil(delay);
    this.#retryTimer.add(delivery, delay);
  }

  #leaveRow(delivery: Delivery): void {
    const leaving = [delivery];
    for (const next of leaving) {
      this.#order.remove(next, (follower) => {
        if (follower.state === 'done') leaving.push(follower);
        else if (follower.state === 'blocked') this.#becomeReady(follower, 'unblock');
        else this.#due(follower);
      });
    }
  }
}

/**
 * How long the endpoint asked to be left alone, milliseconds. "Again at once", or a time that is over,
 * is no rest: for days it would cost no attempt and get request after request without a pause.
 */
function restOf(end: AttemptEnd): number {
  return end.kind === 'retry' && end.rest === true ? Math.max(0, end.after ?? 0) : 0;
}
