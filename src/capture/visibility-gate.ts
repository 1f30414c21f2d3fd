import type { VisibilitySnapshot } from '../source/source.ts';
import { sleep } from '../util/sleep.ts';

/** A transaction that is in the log, or about to be, and whose visibility is not known yet. */
interface Awaited {
  readonly transactionId: string;
  /** The offset after its last record. */
  readonly end: number;
}

/** How the gate asks and whom it tells. */
export interface VisibilityGateOptions {
  /** One cheap query on the source. */
  readonly snapshot: (signal: AbortSignal) => Promise<VisibilitySnapshot>;
  /** Called with a growing offset: everything below it is durable and visible on the source. */
  readonly advance: (offset: number) => void;
  /** Called when a query fails; the gate asks again after a pause. */
  readonly onFailure: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** First pause before asking again about a transaction that is not visible; milliseconds. */
const RECHECK_FIRST = 1;
/** Longest such pause: a transaction can wait seconds for a synchronous standby. */
const RECHECK_MAX = 100;
/** Pause after a query that failed; milliseconds. */
const FAILURE_PAUSE = 500;

/**
 * Holds back what is in the log but not yet visible on the source (invariant 4).
 *
 * A WAL record is sent when it is flushed, and only after that does the committing backend leave the
 * list of running transactions; a subscriber that reads the row back in between would see the old
 * one. So the horizon moves past a transaction only once a snapshot taken on the source includes it.
 * A transaction that is visible stays visible, which is why the question may be asked while the
 * records are still on their way to the disk, and one answer serves the whole burst.
 */
export class VisibilityGate {
  readonly #options: VisibilityGateOptions;
  #awaited: Awaited[] = [];
  #next = 0;
  #visible: number;
  #durable: number;
  #horizon: number;
  /** Cleared in the same step in which the last answer was found to suffice: no `ask` is missed. */
  #asking = false;
  #asked: Promise<void> = Promise.resolve();

  /** @param horizon everything below this offset is known to be durable and visible. */
  constructor(horizon: number, options: VisibilityGateOptions) {
    this.#options = options;
    this.#visible = horizon;
    this.#durable = horizon;
    this.#horizon = horizon;
  }

  /** Transactions whose visibility is not known yet. */
  get waiting(): number {
    return this.#awaited.length - this.#next;
  }

  /** Adds a transaction, in log order. Nothing is asked until {@link ask}. */
  expect(transactionId: string, end: number): void {
    this.#awaited.push({ transactionId, end });
  }

  /** Forgets what was expected at or after this offset: it did not become durable and comes again. */
  forget(from: number): void {
    const kept = this.#awaited.slice(this.#next).filter((awaited) => awaited.end <= from);
    this.#awaited = kept;
    this.#next = 0;
    this.#visible = Math.min(this.#visible, from);
  }

  /** Everything below this offset is known to be visible, whatever else is expected. */
  visibleBelow(offset: number): void {
    this.#visible = Math.max(this.#visible, offset);
    this.#advance();
  }

  /** Everything below this offset is durable. */
  durable(offset: number): void {
    this.#durable = offset;
    this.#advance();
  }

  /** Starts asking about what is expected, unless that is under way. */
  ask(): void {
    if (this.#asking || this.waiting === 0 || this.#options.signal.aborted) return;
    this.#asking = true;
    this.#asked = this.#askUntilVisible();
  }

  /** Resolves when the question under way, if any, has ended. */
  async settled(): Promise<void> {
    await this.#asked;
  }

  async #askUntilVisible(): Promise<void> {
    const { signal } = this.#options;
    let pause = RECHECK_FIRST;
    while (this.waiting > 0 && !signal.aborted) {
      const before = this.waiting;
      if (!(await this.#askOnce())) await sleep(FAILURE_PAUSE, signal);
      else if (this.waiting < before) pause = RECHECK_FIRST;
      else {
        await sleep(pause, signal);
        pause = Math.min(RECHECK_MAX, pause * 2);
      }
    }
    this.#asking = false;
  }

  /** False when the question could not be asked; never rejects. */
  async #askOnce(): Promise<boolean> {
    const { signal, snapshot, onFailure } = this.#options;
    try {
      this.#apply(await snapshot(signal));
      return true;
    } catch (error) {
      if (!signal.aborted) onFailure(error);
      return false;
    }
  }

  #apply(snapshot: VisibilitySnapshot): void {
    let next = this.#next;
    for (; next < this.#awaited.length; next++) {
      const awaited = this.#awaited[next];
      if (awaited === undefined || !snapshot.visible(awaited.transactionId)) break;
      this.#visible = awaited.end;
    }
    this.#next = next;
    if (next === this.#awaited.length) {
      this.#awaited = [];
      this.#next = 0;
    } else if (next > 10_000) {
      this.#awaited = this.#awaited.slice(next);
      this.#next = 0;
    }
    this.#advance();
  }

  #advance(): void {
    const horizon = Math.min(this.#visible, this.#durable);
    if (horizon <= this.#horizon) return;
    this.#horizon = horizon;
    this.#options.advance(horizon);
  }
}
