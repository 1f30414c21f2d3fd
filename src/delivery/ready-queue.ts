import { Fifo } from '../util/fifo.ts';
import type { Delivery } from './delivery.ts';

/** First attempts that go ahead of each retry while both wait. */
const FIRST_PER_RETRY = 3;

/**
 * Deliveries that wait for a place. First attempts go ahead of retries, which may be about to fail
 * or to hang again: while both wait only every fourth attempt is a retry, and retries never take
 * more than half of the places. But retries always get on.
 */
export class ReadyQueue {
  readonly #first = new Fifo<Delivery>();
  readonly #retries = new Fifo<Delivery>();
  readonly #maxRetries: number;
  #streak = 0;

  /** @param places how many attempts can be under way at the same time. */
  constructor(places: number) {
    this.#maxRetries = Math.max(1, Math.floor(places / 2));
  }

  get size(): number {
    return this.#first.size + this.#retries.size;
  }

  add(delivery: Delivery): void {
    if (delivery.attempts === 0) this.#first.push(delivery);
    else this.#retries.push(delivery);
  }

  /**
   * The one to be attempted next; undefined when there is none.
   * @param retriesUnderWay places that retries have now.
   */
  take(retriesUnderWay: number): Delivery | undefined {
    const retryMay = this.#retries.size > 0 && retriesUnderWay < this.#maxRetries;
    if (this.#first.size > 0 && (!retryMay || this.#streak < FIRST_PER_RETRY)) {
      this.#streak = retryMay ? this.#streak + 1 : 0;
      return this.#first.shift();
    }
    if (!retryMay) return undefined;
    this.#streak = 0;
    return this.#retries.shift();
  }

  clear(): void {
    this.#first.clear();
    this.#retries.clear();
  }
}
