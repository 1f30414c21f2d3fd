/** Turns in a row, with hardly a gap between them, that make a stream busy: about a millisecond. */
const BUSY_RUN = 64;
/** A longer gap than this ends the row; milliseconds. */
const GAP = 0.2;
/** How long a busy stream's bytes are left to collect; milliseconds. */
const REST = 1;
/** A rest that has collected less than this was of little use; bytes. */
const LITTLE = 4 * 1024;
/**
 * So many useless rests in a row end the busy state. Fewer would end it between two transactions,
 * while the server puts the next one together.
 */
const USELESS = 16;
/** After as much as this reading goes on at once: the kernel's buffer may have been full. */
const MUCH = 24 * 1024;

/**
 * Decides, turn by turn of the event loop, whether to leave the socket alone for a moment. Times
 * are in milliseconds from any beginning.
 */
export class PaceRule {
  #run = 0;
  #useless = 0;
  #lastTurn = Number.NEGATIVE_INFINITY;

  /**
   * @param collected bytes that the turn has read.
   * @param rested true when it is the first turn after a rest.
   * @returns true to rest now.
   */
  turn(now: number, collected: number, rested: boolean): boolean {
    if (collected >= MUCH) {
      this.#run = BUSY_RUN;
      this.#useless = 0;
    } else if (rested) this.#judgeRest(collected);
    else if (this.#run < BUSY_RUN) this.#run = now - this.#lastTurn < GAP ? this.#run + 1 : 0;
    this.#lastTurn = now;
    return this.#run >= BUSY_RUN && collected < MUCH;
  }

  #judgeRest(collected: number): void {
    this.#useless = collected < LITTLE ? this.#useless + 1 : 0;
    if (this.#useless < USELESS) return;
    this.#useless = 0;
    this.#run = 0;
  }
}

/**
 * Lets the bytes of a busy stream collect.
 *
 * The server sends each change by itself, and a reader that keeps up wakes for each: measured at
 * 440,000 reads and 4 s of CPU per million changes, nearly all of it for waking and reading. Resting
 * for a millisecond makes that 16,000 reads and 1.2 s, and the server, which shares the machine
 * or at least the connection, sends no slower. Only a busy stream rests, so a single change is
 * never late.
 */
export class StreamPace {
  readonly #rule = new PaceRule();
  readonly #pause: () => void;
  readonly #resume: () => void;
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  #collected = 0;
  #rested = false;

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
    const collected = this.#collected;
    const rested = this.#rested;
    this.#collected = 0;
    this.#rested = false;
    if (this.#timer !== null || !this.#rule.turn(performance.now(), collected, rested)) return;
    this.#pause();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#rested = true;
      this.#resume();
    }, REST);
  }
}
