/** Records in a batch after which the source waits for the flush; bounds memory and latency. */
const BATCH_RECORDS = 5_000;
/** A batch of this size says that there is a backlog: then fewer, larger flushes are cheaper. */
const BUSY_RECORDS = 500;
/** How long a busy batch is collected; milliseconds. Below what a person notices. */
const BUSY_PAUSE = 10;
/**
 * How long a mere position may wait: it costs a flush, and only lets the source forget sooner. Not
 * longer, because a server that shuts down waits until its last position is acknowledged.
 */
const REACHED_PAUSE = 1_000;
/** How often the free space is looked at while flushing; milliseconds. */
const SPACE_PAUSE = 1_000;

/**
 * Decides when to flush. One flush costs the same for one record as for thousands, so an idle source
 * is flushed as soon as its burst has been read (lowest latency) and a busy one in large batches
 * (lowest cost per change).
 */
export class FlushPace {
  readonly #flush: () => void;
  #immediate: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timerIsLazy = false;
  #busy = false;
  #spaceSeen = performance.now();

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** A burst was handed over. `now` asks the caller to flush before reading on. */
  burst(records: number, reachedOnly: boolean): 'now' | 'later' {
    if (records >= BATCH_RECORDS) {
      this.#clear();
      return 'now';
    }
    if (reachedOnly) this.#startTimer(REACHED_PAUSE, true);
    else if (this.#busy) this.#startTimer(BUSY_PAUSE, false);
    else this.#immediate ??= setImmediate(() => this.#fire());
    return 'later';
  }

  /** A flush of so many records is done. */
  flushed(records: number): void {
    this.#clear();
    this.#busy = records >= BUSY_RECORDS;
  }

  /** True once a second. */
  spaceDue(): boolean {
    const now = performance.now();
    if (now - this.#spaceSeen < SPACE_PAUSE) return false;
    this.#spaceSeen = now;
    return true;
  }

  stop(): void {
    this.#clear();
  }

  #startTimer(pause: number, lazy: boolean): void {
    if (this.#timer !== null) {
      if (lazy || !this.#timerIsLazy) return;
      clearTimeout(this.#timer);
    }
    this.#timerIsLazy = lazy;
    this.#timer = setTimeout(() => this.#fire(), pause);
  }

  #fire(): void {
    this.#clear();
    this.#flush();
  }

  #clear(): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#immediate = null;
    this.#timer = null;
  }
}
