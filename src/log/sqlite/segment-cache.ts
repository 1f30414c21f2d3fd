import type { LogView } from './log-view.ts';
import { SegmentReader } from './segment-reader.ts';
import { join } from 'node:path';
import { segmentName } from './format.ts';

/** Open segments at most: half a megabyte of cache and three file handles each. */
const MAX_OPEN = 16;

/** Keeps the segments open that are being read. */
export class SegmentCache implements Disposable {
  readonly #directory: string;
  readonly #keepNewest: boolean;
  /** In the order of their last use. */
  readonly #open = new Map<number, SegmentReader>();

  /**
   * @param keepNewest false in a process that is not the writer's: there, a connection that stays
   *   open would keep the writer from sealing the segment.
   */
  constructor(directory: string, keepNewest: boolean) {
    this.#directory = directory;
    this.#keepNewest = keepNewest;
  }

  /** Calls `run` with the segment that begins at `first`. */
  use<Result>(first: number, view: LogView, run: (segment: SegmentReader) => Result): Result {
    if (!this.#keepNewest && view.segments.at(-1)?.first === first) {
      using segment = this.#reader(first);
      return run(segment);
    }
    const segment = this.#open.get(first) ?? this.#reader(first);
    this.#open.delete(first);
    this.#open.set(first, segment);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN && oldest !== undefined) this.close(oldest);
    return run(segment);
  }

  close(first: number): void {
    this.#open.get(first)?.[Symbol.dispose]();
    this.#open.delete(first);
  }

  [Symbol.dispose](): void {
    for (const segment of this.#open.values()) segment[Symbol.dispose]();
    this.#open.clear();
  }

  #reader(first: number): SegmentReader {
    return new SegmentReader(join(this.#directory, segmentName(first)));
  }
}
