import type { Output } from '../io.ts';
import { formatCount, formatDuration } from './format.ts';
import { truncate } from './width.ts';

/** Nobody needs to be told of what is over sooner. */
const SILENCE = 2_000;
/** How often it is told, on a terminal and in a file; milliseconds. */
const TERMINAL_PAUSE = 200;
const FILE_PAUSE = 10_000;
const CLEAR_LINE = '\r\u001b[K';

/** A line about something that takes time: how far it is, how long it took, how long it may take. */
export class Progress implements Disposable {
  readonly #output: Output;
  readonly #what: string;
  readonly #unit: string;
  readonly #now: () => number;
  readonly #started: number;
  #told: number;
  #shown = false;

  /** @param now milliseconds on any clock; a parameter so that tests can set it. */
  constructor(
    output: Output,
    what: string,
    unit: string,
    now: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#what = what;
    this.#unit = unit;
    this.#now = now;
    this.#started = now();
    this.#told = this.#started + SILENCE - (output.isTerminal ? TERMINAL_PAUSE : FILE_PAUSE);
  }

  update(done: number, total: number | null): void {
    const now = this.#now();
    const { isTerminal, columns } = this.#output;
    if (now - this.#told < (isTerminal ? TERMINAL_PAUSE : FILE_PAUSE)) return;
    this.#told = now;
    this.#shown = true;
    const line = this.#line(done, total, now - this.#started);
    this.#output.write(isTerminal ? CLEAR_LINE + truncate(line, columns - 1) : `${line}\n`);
  }

  /** Removes the line from a terminal. */
  [Symbol.dispose](): void {
    if (this.#shown && this.#output.isTerminal) this.#output.write(CLEAR_LINE);
  }

  #line(done: number, total: number | null, elapsed: number): string {
    const parts = [formatDuration(elapsed)];
    if (total !== null && total > 0 && done > 0) {
      parts.unshift(`${Math.floor((100 * done) / total)} %`);
      parts.push(`about ${formatDuration((elapsed / done) * Math.max(0, total - done))} left`);
    }
    const count =
      total === null ? formatCount(done) : `${formatCount(done)} of ${formatCount(total)}`;
    return `${this.#what}: ${count} ${this.#unit}, ${parts.join(', ')}`;
  }
}
