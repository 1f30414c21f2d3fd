import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { onAbort } from '../../../util/on-abort.ts';
import { sleep } from '../../../util/sleep.ts';
import {
  isLostPublication,
  readServerError,
  ServerError,
  toStreamError,
} from '../connection/connection-error.ts';
import { ReplicationConnection, type ReplicationOptions } from './connection-replication.ts';
import { type Bytes, MalformedData } from './decode-bytes.ts';
import type { SlotTransaction } from '../history/compare-transactions.ts';
import { Feedback } from './feedback.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import { nextPosition, wordsToPosition } from './position.ts';

export interface ReadSlotOptions extends Omit<ReplicationOptions, 'from' | 'raw'> {
  /** Transactions that committed from here on are not wanted. */
  readonly to: string;
  /** Takes the transactions of one piece of the stream; false ends the reading. */
  readonly take: (transactions: readonly SlotTransaction[]) => Promise<boolean>;
}

/** How long the ended reading may take to let go of the slot, and how often that is looked at; milliseconds. */
const RELEASE_DEADLINE = 5_000;
const RELEASE_PAUSE = 20;

/** A server that sends nothing new for so long waits for somebody; milliseconds. */
const STANDSTILL = 60_000;

const COPY_DATA = 0x64; // 'd'
const COPY_BOTH = 0x57; // 'W'
const ERROR = 0x45; // 'E'
const NOTICE = 0x4e; // 'N'
const XLOG_DATA = 0x77; // 'w'
const KEEPALIVE = 0x6b; // 'k'
const BEGIN = 0x42; // 'B'
const COMMIT = 0x43; // 'C'
/** Insert, update, delete, truncate. */
const CHANGES: ReadonlySet<number> = new Set([0x49, 0x55, 0x44, 0x54]);
/** Kind, three 64-bit numbers; then comes the message. */
const XLOG_DATA_HEADER = 25;
const POSTGRES_EPOCH = 946_684_800_000_000;
const WORD = 2 ** 32;

/**
 * Reads which transactions a slot still has, and moves it not at all: nothing is confirmed. What they
 * changed is passed over, so that memory stays bounded whatever their size. One that the server cannot
 * send whole (see `passOver`) is one that the slot has, too.
 * @throws TidingsError as a stream does; the signal's reason when it aborts.
 */
export async function readSlot(options: ReadSlotOptions, signal: AbortSignal): Promise<void> {
  // Texts as they are in the database: nobody looks at them, and some have no UTF-8.
  const request = { ...options, raw: true };
  let from: string | null = null;
  let deadline = 0;
  for (;;) {
    const connection = await ReplicationConnection.open({ ...request, from }, signal);
    const reading = new SlotReading(options, connection);
    try {
      return await reading.run(signal);
    } catch (error) {
      if (isTidingsError(error, 'SLOT_IN_USE') && performance.now() < deadline) {
        await sleep(RELEASE_PAUSE, signal);
        signal.throwIfAborted();
        continue;
      }
      const { seen, open } = reading;
      if (open === null || !isTidingsError(error, 'SOURCE_UNREADABLE')) throw error;
      from = nextPosition(open.position);
      if (!(await options.take([...seen, { ...open, changes: true, end: from }]))) return;
      deadline = performance.now() + RELEASE_DEADLINE;
    }
  }
}

/** One reading: frames in, transactions out. */
class SlotReading implements FrameHandler {
  readonly #options: ReadSlotOptions;
  readonly #connection: ReplicationConnection;
  readonly #frames = new FrameReader();
  readonly #feedback: Feedback;
  readonly #result = Promise.withResolvers<void>();
  #seen: SlotTransaction[] = [];
  #open: Omit<SlotTransaction, 'changes' | 'end'> | null = null;
  #changes = false;
  #over = false;
  /** All that was wanted has been read. */
  #passed = false;
  #reached = '';
  #movedAt = performance.now();
  #watch: NodeJS.Timeout | null = null;

  constructor(options: ReadSlotOptions, connection: ReplicationConnection) {
    this.#options = options;
    this.#connection = connection;
    this.#feedback = new Feedback({
      send: (bytes) => connection.send(bytes),
      acknowledged: () => null,
      onSilence: (seconds) => this.#end(this.#disconnected(`silent for ${seconds.toFixed(1)} s`)),
      timeout: connection.timeout,
    });
  }

  /** Whole transactions that nobody has taken yet. */
  get seen(): readonly SlotTransaction[] {
    return this.#seen;
  }

  /** The one that was coming when it ended; null for none. */
  get open(): Omit<SlotTransaction, 'changes' | 'end'> | null {
    return this.#open;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#feedback.start();
    this.#watch = setInterval(() => this.#lookForStandstill(), 1_000);
    // Behind what it ends: at once, when the signal has aborted since the connection was opened.
    using _stop = onAbort(signal, () => this.#end(signal.reason));
    if (!this.#over) {
      this.#connection.start(
        (chunk) => this.#onChunk(chunk),
        (error) => this.#end(this.#disconnected(error?.message ?? 'the server closed it')),
      );
    }
    await this.#result.promise;
  }

  frame(type: number, body: Bytes, start: number, end: number): boolean {
    if (this.#over || this.#passed) return true;
    if (type === ERROR) throw readServerError(body, start, end);
    if (type === NOTICE) {
      const notice = readServerError(body, start, end);
      if (isLostPublication(notice)) throw notice;
    }
    if (type === COPY_BOTH) this.#feedback.open();
    if (type !== COPY_DATA || start >= end) return true;
    const { view } = body;
    const kind = view.getUint8(start);
    if (kind === KEEPALIVE) {
      const reached = wordsToPosition(view.getUint32(start + 1), view.getUint32(start + 5));
      if (reached > this.#reached) this.#moved(reached);
      // Within a transaction it says nothing of what was sent.
      if (this.#open === null && reached >= this.#options.to) this.#passed = true;
      else if (view.getUint8(start + 17) !== 0) this.#feedback.answer();
    } else if (kind === XLOG_DATA && start + XLOG_DATA_HEADER < end) {
      this.#moved(this.#reached);
      this.#message(body, start + XLOG_DATA_HEADER);
    }
    return true;
  }

  #message({ view }: Bytes, at: number): void {
    const type = view.getUint8(at);
    if (type === BEGIN) {
      const position = wordsToPosition(view.getUint32(at + 1), view.getUint32(at + 5));
      if (position >= this.#options.to) {
        this.#passed = true;
        return;
      }
      const committedAt = view.getInt32(at + 9) * WORD + view.getUint32(at + 13) + POSTGRES_EPOCH;
      this.#open = { id: String(view.getUint32(at + 17)), position, committedAt };
      this.#changes = false;
    } else if (type === COMMIT && this.#open !== null) {
      const end = wordsToPosition(view.getUint32(at + 10), view.getUint32(at + 14));
      this.#seen.push({ ...this.#open, end, changes: this.#changes });
      this.#open = null;
    } else if (CHANGES.has(type)) this.#changes = true;
  }

  #onChunk(chunk: Buffer): void {
    if (this.#over) return;
    this.#feedback.heard();
    try {
      this.#frames.push(chunk);
      this.#frames.read(this);
    } catch (error) {
      this.#end(this.#explain(error));
      return;
    }
    const seen = this.#seen;
    if (seen.length === 0) {
      if (this.#passed) this.#end(null);
      return;
    }
    this.#seen = [];
    this.#connection.pause();
    this.#feedback.reading = false;
    this.#options.take(seen).then(
      (goOn) => this.#goOn(goOn && !this.#passed),
      (error: unknown) => this.#end(error),
    );
  }

  #goOn(wanted: boolean): void {
    if (!wanted) this.#end(null);
    if (this.#over) return;
    this.#feedback.reading = true;
    this.#connection.resume();
  }

  #moved(reached: string): void {
    this.#reached = reached;
    this.#movedAt = performance.now();
  }

  /** Such as for a standby that `synchronized_standby_slots` names, and that is away. */
  #lookForStandstill(): void {
    const since = performance.now() - this.#movedAt;
    if (since < STANDSTILL) return;
    const reason = `it has sent nothing more of slot ${this.#options.slot} for ${(since / 1000).toFixed(0)} s`;
    this.#end(this.#disconnected(reason));
  }

  #explain(error: unknown): unknown {
    if (error instanceof ServerError) return toStreamError(error, this.#options);
    if (!(error instanceof MalformedData)) return error;
    const { source } = this.#options;
    const details = { source, position: error.at, problem: error.message };
    return new TidingsError('PROTOCOL_ERROR', details, { cause: error });
  }

  #disconnected(reason: string): TidingsError {
    return new TidingsError('SOURCE_DISCONNECTED', { source: this.#options.source, reason });
  }

  /** @param error null when it is done. The first end counts. */
  #end(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#feedback[Symbol.dispose]();
    if (error === null) {
      this.#connection.close();
      this.#result.resolve();
    } else {
      this.#connection.destroy();
      this.#result.reject(error);
    }
  }
}
