/** Over how long the rate is taken, milliseconds. */
const SPAN = 10_000;

interface Reading {
  readonly at: number;
  readonly count: number;
}

/** How fast a counter grows, from readings that are made whenever it is convenient. */
export class Rate {
  #readings: Reading[];

  /** Begins with a count that was reached at a time; by default with nothing at the process's start. */
  constructor(count = 0, at = 0) {
    this.#readings = [{ at, count }];
  }

  /** Notes the counter; `now` in milliseconds, growing. */
  note(count: number, now: number): void {
    const readings = this.#readings;
    const last = readings.at(-1);
    if (last !== undefined && now - last.at < SPAN / 10) return;
    readings.push({ at: now, count });
    // The newest one that is older than the span is where counting begins.
    while (readings[1] !== undefined && readings[1].at <= now - SPAN) readings.shift();
  }

  /** Per second. */
  perSecond(count: number, now: number): number {
    this.note(count, now);
    const [first] = this.#readings;
    if (first === undefined || now <= first.at) return 0;
    const from = Math.max(first.at, now - SPAN);
    return ((count - first.count) * 1_000) / Math.max(now - from, 1_000);
  }
}
