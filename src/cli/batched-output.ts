import type { Output } from './io.ts';

/**
 * Characters that are written at once: a system call per row costs more than the row. More than a pipe
 * holds (64 KiB) would wait for its reader each time.
 */
const BATCH = 16 * 1024;

/** An output for many short lines; what was written is out after `end`. */
export class BatchedOutput implements Output {
  readonly #output: Output;
  #waiting = '';

  constructor(output: Output) {
    this.#output = output;
  }

  get isTerminal(): boolean {
    return this.#output.isTerminal;
  }

  get colour(): boolean {
    return this.#output.colour;
  }

  get columns(): number {
    return this.#output.columns;
  }

  write(text: string): void {
    if (text.length < BATCH) {
      this.#waiting += text;
      return;
    }
    // By itself: a large value may have no room for one character more.
    const waiting = this.#waiting;
    this.#waiting = '';
    if (waiting !== '') this.#output.write(waiting);
    this.#output.write(text);
  }

  /** Passes on what waits once it is enough. */
  async drained(): Promise<void> {
    if (this.#waiting.length >= BATCH) await this.end();
  }

  async end(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '') this.#output.write(text);
    await this.#output.drained();
  }
}
