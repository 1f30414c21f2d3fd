import { positionToWords } from './position.ts';

/** Microseconds from 1970 to 2000, where PostgreSQL's clock begins. */
const POSTGRES_EPOCH = 946_684_800_000_000n;
const LENGTH = 39;

/** What the server may forget, and what we want to know of it. */
export interface StatusUpdate {
  /** Everything before this position is durable; null tells nothing and keeps the slot where it is. */
  readonly position: string | null;
  /** Asks the server to answer at once. */
  readonly reply: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * A Standby status update in a CopyData frame. Written, flushed and applied are the same position:
 * to the log all three happen together.
 * https://www.postgresql.org/docs/current/protocol-replication.html
 */
export function encodeStatusUpdate(update: StatusUpdate): Buffer {
  const bytes = Buffer.alloc(LENGTH);
  bytes.write('d', 0, 'latin1');
  bytes.writeUInt32BE(LENGTH - 1, 1);
  bytes.write('r', 5, 'latin1');
  const [high, low] = update.position === null ? [0, 0] : positionToWords(update.position);
  for (const at of [6, 14, 22]) {
    bytes.writeUInt32BE(high, at);
    bytes.writeUInt32BE(low, at + 4);
  }
  bytes.writeBigInt64BE(BigInt(update.now) * 1000n - POSTGRES_EPOCH, 30);
  bytes.writeUInt8(update.reply ? 1 : 0, 38);
  return bytes;
}

/** How soon the server learns of a position that moved; milliseconds. */
const MOVED_PAUSE = 1_000;
/** How often it hears from us when nothing moved; milliseconds. */
const STILL_PAUSE = 10_000;

/**
 * The pause between two answers that say the same; milliseconds. A server that is shutting down asks
 * again as soon as it is answered, until everything it has sent is durable.
 */
const ANSWER_PAUSE = 20;

export interface FeedbackOptions {
  readonly send: (bytes: Buffer) => void;
  /** The position up to which everything is durable. */
  readonly acknowledged: () => string | null;
  /** Called when nothing has been heard of the server for too long. */
  readonly onSilence: (seconds: number) => void;
  /** The server's `wal_sender_timeout`, milliseconds; 0 when it has none. */
  readonly timeout: number;
}

/**
 * Tells the server what is durable, on a timer of its own: never behind a receiver, because the
 * server takes a silent client for dead, and never more than was acknowledged (invariant 1).
 *
 * It watches the other direction too. A server that is alive answers when it is asked, so after one
 * `wal_sender_timeout` of silence it is asked, and after two the connection counts as lost.
 */
export class Feedback implements Disposable {
  readonly #options: FeedbackOptions;
  #timer: NodeJS.Timeout | null = null;
  #answer: NodeJS.Timeout | null = null;
  #sent: string | null = null;
  #sentAt = 0;
  #heardAt = 0;
  #asked = false;
  #reading = true;
  #open = false;

  constructor(options: FeedbackOptions) {
    this.#options = options;
  }

  /** Begins to watch for silence. */
  start(): void {
    const now = performance.now();
    this.#heardAt = now;
    this.#sentAt = now;
    // A short timeout needs a short step: the server must hear from us well within it.
    const { timeout } = this.#options;
    const step = timeout > 0 ? Math.min(MOVED_PAUSE, timeout / 4) : MOVED_PAUSE;
    this.#timer = setInterval(() => this.#tick(), step);
  }

  /** The server streams: from now on it takes feedback. */
  open(): void {
    this.#open = true;
  }

  /** Something arrived. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#asked = false;
  }

  /** While a receiver makes the source wait, nothing is read: that silence is ours. */
  set reading(reading: boolean) {
    this.#reading = reading;
    if (reading) this.heard();
  }

  /** Tells the server where we are, now. */
  send(reply = false): void {
    if (!this.#open) return;
    const position = this.#newest();
    this.#sent = position;
    this.#sentAt = performance.now();
    this.#options.send(encodeStatusUpdate({ position, reply, now: Date.now() }));
  }

  /** The server has asked where we are. */
  answer(): void {
    const since = performance.now() - this.#sentAt;
    if (this.#newest() !== this.#sent || since >= ANSWER_PAUSE) this.send();
    else {
      this.#answer ??= setTimeout(() => {
        this.#answer = null;
        this.send();
      }, ANSWER_PAUSE - since);
    }
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#answer !== null) clearTimeout(this.#answer);
    this.#timer = null;
    this.#answer = null;
  }

  #tick(): void {
    const { timeout } = this.#options;
    const now = performance.now();
    const still = timeout > 0 ? Math.min(STILL_PAUSE, timeout / 4) : STILL_PAUSE;
    if (this.#newest() !== this.#sent || now - this.#sentAt >= still) this.send();
    if (timeout === 0 || !this.#reading) return;
    const silence = now - this.#heardAt;
    if (silence >= 2 * timeout) this.#options.onSilence(silence / 1000);
    else if (silence >= timeout && !this.#asked) {
      this.#asked = true;
      this.send(true);
    }
  }

  /** Never goes back: the server would take it for a wish to see changes again. */
  #newest(): string | null {
    const acknowledged = this.#options.acknowledged();
    if (this.#sent === null || (acknowledged !== null && acknowledged > this.#sent)) {
      return acknowledged;
    }
    return this.#sent;
  }
}
