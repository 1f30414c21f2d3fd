import { untilWoken } from '../util/until-woken.ts';

/** Lets the rest of the process run: timers, sockets, other subscriptions. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Limits how many catch-up pages are worked on at the same time, first come first served. Without it
 * a thousand subscriptions that are behind would each read a page between two pages of the
 * dispatcher, and so delay the subscriptions that are not behind (invariant 8).
 */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(concurrency: number) {
    this.#free = concurrency;
  }

  /** Runs `work` when it is its turn; not at all, and returns, when the signal aborts before. */
  async take(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else if (!(await this.#wait(signal))) return;
    try {
      await work();
    } finally {
      this.#pass();
    }
  }

  /** A turn is handed over directly, so that nobody who comes later can take it in between. */
  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next();
  }

  #wait(signal: AbortSignal): Promise<boolean> {
    return untilWoken(signal, (take) => {
      this.#waiting.add(take);
      return () => this.#waiting.delete(take);
    });
  }
}
