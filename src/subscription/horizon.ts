import { untilWoken } from '../util/until-woken.ts';

interface Waiter {
  readonly beyond: number;
  readonly wake: () => void;
}

/**
 * How far subscribers may read one source's log: everything below the offset is durable here and
 * visible on the source (invariant 4). Capture moves it, and only ever forward.
 */
export class Horizon {
  #offset: number;
  readonly #waiting = new Set<Waiter>();

  constructor(offset = 0) {
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  advance(to: number): void {
    if (to <= this.#offset) return;
    this.#offset = to;
    for (const waiter of this.#waiting) {
      if (to > waiter.beyond) waiter.wake();
    }
  }

  /** Resolves once the offset is beyond this one, or when the signal aborts. Never rejects. */
  async wait(beyond: number, signal: AbortSignal): Promise<void> {
    if (this.#offset > beyond) return;
    await untilWoken(signal, (wake) => {
      const waiter: Waiter = { beyond, wake };
      this.#waiting.add(waiter);
      return () => this.#waiting.delete(waiter);
    });
  }
}
