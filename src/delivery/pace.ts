import { timerDelay } from '../util/timer-delay.ts';

/** Attempts may come this much early, milliseconds: a timer cannot end one wait every 0.1 ms. */
const EARLY = 10;
/** Share of an asked-for rest that is added at random, so that many do not return together. */
const REST_JITTER = 0.1;
/** An endpoint that asks for more is asked again all the same, milliseconds. */
const LONGEST_REST = 86_400_000;

/**
 * When an endpoint may get its next attempt: not faster than its rate, and not while it asked to be
 * left alone. Waiting costs no attempt.
 */
export class Pace {
  /** Milliseconds between two attempts; 0 for no limit. */
  readonly #interval: number;
  readonly #onOpen: () => void;
  #next = 0;
  #restsUntil = 0;
  #timer: NodeJS.Timeout | null = null;

  /**
   * @param rate attempts per second; undefined for no limit.
   * @param onOpen called when an attempt may begin again, after {@link Pace.open} said no.
   */
  constructor(rate: number | undefined, onOpen: () => void) {
    this.#interval = rate === undefined ? 0 : 1_000 / rate;
    this.#onOpen = onOpen;
  }

  /** Whether an attempt may begin now; if not, `onOpen` follows. */
  get open(): boolean {
    if (this.#interval === 0 && this.#restsUntil === 0) return true;
    const now = performance.now();
    if (now >= this.#restsUntil) this.#restsUntil = 0;
    const wait = Math.max(this.#restsUntil, this.#next - EARLY) - now;
    if (wait <= 0) return true;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#onOpen();
    }, timerDelay(wait));
    return false;
  }

  /** An attempt begins. */
  count(): void {
    if (this.#interval === 0) return;
    this.#next = Math.max(this.#next, performance.now()) + this.#interval;
  }

  /** Leaves the endpoint alone for so long, milliseconds. A rest that ends later stays. */
  rest(asked: number): void {
    const length = Math.min(asked, LONGEST_REST) * (1 + REST_JITTER * Math.random());
    this.#restsUntil = Math.max(this.#restsUntil, performance.now() + length);
  }

  /** Takes up a rest of an earlier run; milliseconds since 1970. */
  restUntil(at: number): void {
    const length = Math.min(at - Date.now(), LONGEST_REST * (1 + REST_JITTER));
    if (length > 0) this.#restsUntil = Math.max(this.#restsUntil, performance.now() + length);
  }

  /** Ends a rest at once, because somebody said so. */
  wake(): void {
    this.#restsUntil = 0;
    this.close();
    this.#onOpen();
  }

  /** Until when the endpoint is left alone, milliseconds since 1970; null when it is not. */
  get restsUntil(): number | null {
    const left = this.#restsUntil - performance.now();
    return left > 0 ? Math.round(Date.now() + left) : null;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
