/** How long an endpoint may turn to and fro before that is told again; milliseconds. */
const TELLING_PAUSE = 60_000;

/** An endpoint that failed takes changes again. */
export interface Recovery {
  /** Attempts that had failed until then. */
  readonly failures: number;
  /** How long it had failed; milliseconds. */
  readonly lasted: number;
}

/**
 * When an endpoint begins to fail and when it takes changes again: one line each for a person, however
 * many attempts there are. Times are those of the process's own clock, in milliseconds.
 */
export class EndpointHealth {
  #failures = 0;
  #failingSince = 0;
  #failedLast = 0;
  #told = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** @returns whether to tell of this failure. */
  failed(now: number): boolean {
    if (this.#failures === 0) this.#failingSince = now;
    this.#failures += 1;
    this.#failedLast = now;
    if (this.#told || now - this.#toldAt < TELLING_PAUSE) return false;
    this.#told = true;
    this.#toldAt = now;
    return true;
  }

  /**
   * An attempt that began at `startedAt` succeeded. One that began before the last failure says
   * nothing of the endpoint as it is now.
   * @returns what to tell; null for nothing.
   */
  took(startedAt: number, now: number): Recovery | null {
    if (this.#failures === 0 || startedAt < this.#failedLast) return null;
    const recovery = { failures: this.#failures, lasted: now - this.#failingSince };
    const told = this.#told;
    this.#failures = 0;
    this.#told = false;
    return told ? recovery : null;
  }
}
