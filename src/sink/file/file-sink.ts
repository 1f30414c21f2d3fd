import { wireText } from '../../change/wire.ts';
import { sleep } from '../../util/sleep.ts';
import { describeFailure, failureOf } from '../describe-failure.ts';
import type { Attempt, Outcome, Sink } from '../sink.ts';
import type { Rotation } from './file-settings.ts';
import { LineFile } from './line-file.ts';

const ACK: Outcome = { kind: 'ack' };
/** One append has so many bytes at most, but always a whole line. */
const BATCH_BYTES = 8 << 20;
/** How long a file that cannot be written is left alone, milliseconds. */
const REST = 5_000;
/** How long a shutdown waits for what was given up and is still being written, milliseconds. */
const PATIENCE = 2_000;

interface Waiting {
  readonly line: Buffer;
  readonly end: (outcome: Outcome) => void;
}

/**
 * Appends each change to a file, as a line. What waits while the disk is busy goes out together, and
 * one sync makes it durable; an acknowledged line is on disk.
 */
export class FileSink implements Sink {
  readonly kind = 'file';
  readonly #file: LineFile;
  readonly #waiting = new Set<Waiting>();
  /** Attempts that have not ended. */
  readonly #underWay = new Set<Waiting>();
  #writing: Promise<void> | null = null;

  constructor(path: string, rotation: Rotation = {}) {
    this.#file = new LineFile(path, rotation);
  }

  deliver({ change }: Attempt, signal: AbortSignal): Promise<Outcome> {
    let line: Buffer;
    try {
      line = Buffer.from(`${wireText(change)}\n`);
    } catch (error) {
      return Promise.resolve(failureOf(error));
    }
    if (signal.aborted) return Promise.resolve(failureOf(signal.reason));
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#waiting.delete(waiting);
        // What is being written by now may still land; it is told again, and recognised by its id.
        waiting.end(failureOf(signal.reason));
      };
      const waiting: Waiting = {
        line,
        end: (outcome) => {
          signal.removeEventListener('abort', giveUp);
          this.#underWay.delete(waiting);
          resolve(outcome);
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#underWay.add(waiting);
      this.#waiting.add(waiting);
      this.#writing ??= this.#write();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.resolve(this.#writing).then(() => this.#file.close());
    // Whoever asked has got its outcome. A disk that does not answer holds up no shutdown for long.
    const settled = closed.catch(() => undefined);
    if (this.#writing === null || this.#underWay.size > 0) await settled;
    else await Promise.race([settled, sleep(PATIENCE)]);
  }

  async #write(): Promise<void> {
    // Attempts that begin in the same turn go out together.
    await Promise.resolve();
    // Also after a failure: who was told of it may have come again already.
    while (this.#waiting.size > 0) await this.#writeBatch();
    this.#writing = null;
  }

  async #writeBatch(): Promise<void> {
    let batch: readonly Waiting[] = [];
    try {
      await this.#file.prepare();
      batch = this.#take(Math.min(BATCH_BYTES, this.#file.room));
      if (batch.length > 0) await this.#file.append(Buffer.concat(batch.map(({ line }) => line)));
    } catch (error) {
      // The file is at fault and no change: all of them wait, and it costs them no attempt.
      const outcome: Outcome = {
        kind: 'retry',
        error: describeFailure(error),
        after: REST,
        rest: true,
        outage: true,
      };
      for (const each of [...batch, ...this.#take(Infinity)]) each.end(outcome);
      return;
    }
    for (const { end } of batch) end(ACK);
  }

  /** The next lines, in their order: at least one, and no more bytes than that if there are several. */
  #take(most: number): readonly Waiting[] {
    const taken: Waiting[] = [];
    let bytes = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.line.length;
      if (taken.length > 0 && bytes > most) break;
      taken.push(waiting);
      this.#waiting.delete(waiting);
    }
    return taken;
  }
}
