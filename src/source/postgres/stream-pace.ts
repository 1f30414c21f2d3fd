/** Chunks in a row, with hardly a pause between them, that make a stream busy. */
const BUSY_RUN = 64;
/** A longer pause than this ends the row; milliseconds. */
const GAP = 0.2;
/** How long a busy stream's bytes are left to collect; milliseconds. */
const PAUSE = 1;
/** A pause that has collected less than this was of little use; bytes. */
const LITTLE = 4 * 1024;
/**
 * So many useless pauses in a row end the busy state. Fewer would end it between two transactions,
 * when the server is putting the next one together.
 */
const USELESS = 16;
/** More than this is read at once without a pause: the kernel's buffer may be full. */
const MUCH = 24 * 1024;

/**
 * Decides when to leave the socket alone for a moment.
 *
 * The server sends each change by itself, and a reader that keeps up wakes for each: measured at
 * 440,000 reads and 4 s of CPU per million changes, most of it in the kernel, of which decoding is
 * the least part. A pause of a millisecond collects some fifty changes per read and leaves the CPU
 * to the server, which then sends faster. Only a busy stream is paused, so that a single change
 * is never late.
 */
export class StreamPace {
  readonly #pause: () => void;
  readonly #resume: () => void;
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #collected = 0;
  #run = 0;
  #turnAt = 0;
  #rested = false;
  #useless = 0;

  constructor(pause: () => void, resume: () => void) {
    this.#pause = pause;
    this.#resume = resume;
  }

  /** A chunk was handled. Those of one turn of the event loop count together. */
  arrived(bytes: number): void {
    this.#collected += bytes;
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }

  #turn(): void {
    this.#immediate = null;
    const now = performance.now();
    const collected = this.#collected;
    this.#collected = 0;
    if (collected >= MUCH) this.#run = BUSY_RUN;
    else if (this.#rested) this.#judge(collected);
    else if (this.#run < BUSY_RUN) this.#run = now - this.#turnAt < GAP ? this.#run + 1 : 0;
    this.#rested = false;
    this.#turnAt = now;
    if (this.#run >= BUSY_RUN && collected < MUCH) this.#rest();
  }

  #judge(collected: number): void {
    this.#useless = collected < LITTLE ? this.#useless + 1 : 0;
    if (this.#useless < USELESS) return;
    this.#useless = 0;
    this.#run = 0;
  }

  #rest(): void {
    this.#pause();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#rested = true;
      this.#resume();
    }, PAUSE);
  }
}
