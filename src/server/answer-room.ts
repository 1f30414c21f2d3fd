import type { ServerResponse } from 'node:http';
import { untilWoken } from '../util/until-woken.ts';

export interface AnswerLimits {
  /** While so many bytes of answers have not been taken, no further page is made. */
  readonly bytes: number;
  /** How long a client may leave an answer untaken, milliseconds. */
  readonly deadline: number;
}

/**
 * A page is at most some ten megabytes, unless single changes are larger. Half a minute is what a
 * client has for sending a request, too.
 */
export const ANSWER_LIMITS: AnswerLimits = { bytes: 32 << 20, deadline: 30_000 };

/**
 * Bounds what answers take in memory, and in time of the one thread. Clients that ask and do not read
 * would each hold a page; so pages are made one after the other, only while there is room, and who does
 * not take an answer is let go of. Answers that are always small need not wait for room.
 */
export class AnswerRoom {
  readonly #limits: AnswerLimits;
  #bytes = 0;
  #making = false;
  /** First come, first served. */
  readonly #waiting = new Set<() => void>();

  constructor(limits: AnswerLimits = ANSWER_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Makes a page when it is its turn and there is room.
   * @throws the signal's reason when it aborts before.
   */
  async page<Page>(signal: AbortSignal, make: () => Promise<Page>): Promise<Page> {
    await this.#turn(signal);
    try {
      return await make();
    } finally {
      // In a later turn of the event loop: by then the answer counts, and others were served.
      setImmediate(() => {
        this.#making = false;
        this.#next();
      });
    }
  }

  /** Notes that so many bytes were handed to a response; ends its connection when nobody takes them. */
  sending(response: ServerResponse, bytes: number): void {
    // Whoever asked went while it was made: nobody holds it, and nothing would say that it is closed.
    if (response.destroyed) return;
    this.#bytes += bytes;
    const timer = setTimeout(() => response.destroy(), this.#limits.deadline);
    response.once('close', () => {
      clearTimeout(timer);
      this.#bytes -= bytes;
      this.#next();
    });
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#hasRoom && this.#waiting.size === 0) {
      this.#making = true;
      return;
    }
    const mine = await untilWoken(signal, (take) => {
      this.#waiting.add(take);
      return () => this.#waiting.delete(take);
    });
    if (!mine) signal.throwIfAborted();
  }

  get #hasRoom(): boolean {
    return !this.#making && this.#bytes < this.#limits.bytes;
  }

  #next(): void {
    const [take] = this.#waiting;
    if (take === undefined || !this.#hasRoom) return;
    this.#making = true;
    take();
  }
}
