import { sleep } from '../util/sleep.ts';

/** For each millisecond that capture had to itself others get so many, if they have use for them. */
const SHARE = 1.5;
/** The longest rest; milliseconds. Somewhat more than a batch of 5,000 changes takes. */
const MAX_REST = 200;
/** A rest is looked at so often, milliseconds, and ends when more than this share of it was idle. */
const LOOK = 5;
const IDLE_SHARE = 0.75;

/**
 * Shares the one thread between a capture that has a backlog and everything else, which is deliveries
 * above all. Without it capture takes all the time there is, for as long as its source has more:
 * measured, 254 deliveries a second instead of thousands until the last of 3,000,000 changes was in.
 */
export class FairShare {
  readonly #othersBusy: () => boolean;
  readonly #signal: AbortSignal;
  #since = performance.now();

  /** @param othersBusy whether anybody is waiting for something to do. */
  constructor(othersBusy: () => boolean, signal: AbortSignal) {
    this.#othersBusy = othersBusy;
    this.#signal = signal;
  }

  /** A batch is full, and the next one is waiting: the others' turn. Ends early when they are idle. */
  async rest(): Promise<void> {
    const began = performance.now();
    const end = began + Math.min(MAX_REST, (began - this.#since) * SHARE);
    const before = performance.eventLoopUtilization();
    while (performance.now() < end && this.#othersBusy() && !this.#signal.aborted) {
      // Whether others are busy takes a moment to say, and then the end may be over.
      await sleep(Math.max(0, Math.min(LOOK, end - performance.now())), this.#signal);
      const { idle } = performance.eventLoopUtilization(before);
      if (idle > (performance.now() - began) * IDLE_SHARE) break;
    }
    this.#since = performance.now();
  }
}
