import { isTidingsError, TidingsError } from '../../../errors/tidings-error.ts';
import { sleep } from '../../../util/sleep.ts';
import type { ChangeReceiver } from '../../source.ts';
import {
  isLostPublication,
  isUnconverted,
  readServerError,
  ServerError,
  toStreamError,
} from '../connection/connection-error.ts';
import { ReplicationConnection } from './connection-replication.ts';
import { textReader } from '../connection/database-text.ts';
import { type Bytes, MalformedData } from './decode-bytes.ts';
import type { MessageBytes } from './decode-context.ts';
import { type OpenTransaction, StreamDecoder } from './decode-stream.ts';
import { Feedback } from './feedback.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import type { PartitionWatch } from '../relation/partition-watch.ts';
import { passOver, type PassOverOptions, type UnsentTransaction } from './pass-over.ts';
import { wordsToPosition } from './position.ts';
import { RawMessages, type RawMessagesOptions } from './raw-messages.ts';
import { type RelationDescriber, RelationTable } from '../relation/relation-table.ts';
import { StreamPace } from './stream-pace.ts';

/** What to stream, from where, and to whom. */
export interface StreamChangesOptions {
  readonly source: string;
  readonly url: string;
  readonly slot: string;
  readonly publications: readonly string[];
  /** The position up to which the log is complete; null when the log is new. */
  readonly from: string | null;
  /** As of `ReplicationOptions`. */
  readonly timeline?: number | null;
  readonly receiver: ChangeReceiver;
  /** The position up to which everything is durable; asked on a timer (invariant 1). */
  readonly acknowledged: () => string | null;
  /** One for all streams of a source: it remembers keys. */
  readonly catalog: RelationDescriber;
  readonly partitions?: PartitionWatch;
  /** Told of each transaction that cannot be had, and that is left out. */
  readonly onPassedOver: PassOverOptions['onPassedOver'];
  /** For texts that come unconverted. */
  readonly unconverted: Pick<RawMessagesOptions, 'query' | 'onUnreadable'>;
  readonly signal: AbortSignal;
}

/** How long the ended stream may take to let go of the slot, and how often that is looked at; milliseconds. */
const RELEASE_DEADLINE = 5_000;
const RELEASE_PAUSE = 20;

/**
 * Streams a slot's changes to the receiver over one connection. Where the server cannot convert a text
 * to UTF-8 it goes on over another one, on which texts come as they are in the database: to the end of
 * that connection, because where there is one such text there are more. A transaction that
 * fails to come on two connections because of a row's size is left out, and told.
 * @returns when the signal aborts.
 * @throws TidingsError when the connection cannot be made or ends, when the server refuses to go on,
 *   or `PROTOCOL_ERROR`; whatever the receiver threw or its `burst` rejected with.
 */
export async function streamChanges(options: StreamChangesOptions): Promise<void> {
  const { signal } = options;
  let { from } = options;
  let raw = false;
  /** Until then the connection that ended may still have the slot. */
  let deadline = 0;
  let unsent: UnsentTransaction | null = null;
  for (;;) {
    const request = { ...options, from, raw };
    let stream: ChangeStream;
    try {
      stream = new ChangeStream(request, await ReplicationConnection.open(request, signal));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    try {
      return await stream.run();
    } catch (error) {
      from = stream.reached;
      if (isTidingsError(error, 'SLOT_IN_USE') && performance.now() <= deadline) {
        await sleep(RELEASE_PAUSE, signal);
      } else {
        const before: UnsentTransaction | null = unsent;
        unsent = stream.unsent(error);
        if (isUnconverted(error) && !raw) raw = true;
        else if (unsent === null) throw error;
        else if (signal.aborted) return;
        else if (unsent.transaction.position === before?.transaction.position) {
          from = passOver(options, unsent);
        }
        deadline = performance.now() + RELEASE_DEADLINE;
      }
    }
    if (signal.aborted) return;
  }
}

const COPY_DATA = 0x64; // 'd'
const COPY_BOTH = 0x57; // 'W'
const COPY_DONE = 0x63; // 'c'
const COMMAND_COMPLETE = 0x43; // 'C'
const ERROR = 0x45; // 'E'
const NOTICE = 0x4e; // 'N'
const PARAMETER_STATUS = 0x53; // 'S'
const READY = 0x5a; // 'Z'
const XLOG_DATA = 0x77; // 'w'
const KEEPALIVE = 0x6b; // 'k'

/** Kind, three 64-bit numbers; then comes the message. */
const XLOG_DATA_HEADER = 25;
const KEEPALIVE_LENGTH = 18;

/** One connection's stream: frames in, changes and feedback out. */
class ChangeStream implements FrameHandler {
  readonly #options: StreamChangesOptions;
  readonly #connection: ReplicationConnection;
  readonly #relations: RelationTable;
  readonly #decoder: StreamDecoder;
  readonly #raw: RawMessages | null;
  readonly #frames = new FrameReader();
  readonly #feedback: Feedback;
  readonly #pace: StreamPace;
  readonly #ended = new AbortController();
  readonly #result = Promise.withResolvers<void>();
  /** The one that was coming when it ended; null for none. */
  #interrupted: OpenTransaction | null = null;
  /** True while the receiver or the catalogue makes us wait. */
  #waiting = false;
  #streaming = false;
  #over = false;
  /** Why it is over; null on abort. */
  #failure: unknown = null;
  /** True inside of {@link #advance}: an end that comes up there waits for the frame at hand. */
  #advancing = false;

  constructor(options: StreamChangesOptions, connection: ReplicationConnection) {
    const { receiver, catalog, from } = options;
    this.#options = options;
    this.#connection = connection;
    this.#relations = new RelationTable(receiver, catalog);
    this.#decoder = new StreamDecoder({
      source: options.source,
      receiver,
      relations: this.#relations,
      from,
      partitions: options.partitions,
      readText: textReader(connection.encoding),
    });
    const { raw, encoding } = connection;
    this.#raw = raw ? new RawMessages({ ...options.unconverted, encoding }) : null;
    this.#feedback = new Feedback({
      send: (bytes) => connection.send(bytes),
      acknowledged: options.acknowledged,
      onSilence: (seconds) => this.#end(this.#disconnected(`silent for ${seconds.toFixed(1)} s`)),
      timeout: connection.timeout,
    });
    this.#pace = new StreamPace(
      () => connection.pause(),
      () => {
        if (!this.#waiting) connection.resume();
      },
    );
  }

  run(): Promise<void> {
    const { signal } = this.#options;
    if (signal.aborted) this.#onAbort();
    else {
      signal.addEventListener('abort', this.#onAbort, { once: true });
      this.#feedback.start();
      this.#connection.start(
        (chunk) => this.#onChunk(chunk),
        (error) => this.#end(this.#disconnected(error?.message ?? 'the server closed it', error)),
      );
    }
    return this.#result.promise;
  }

  /** The transaction that the server could not send, or the log not take, if that is why it ended. */
  unsent(error: unknown): UnsentTransaction | null {
    const transaction = this.#interrupted;
    if (transaction === null) return null;
    const { last, expected } = this.#relations;
    if (isTidingsError(error, 'SOURCE_UNREADABLE')) return { transaction, tables: expected, error };
    if (!isTidingsError(error, 'LOG_RECORD_TOO_LARGE') || last === null) return null;
    return { transaction, tables: [last], error };
  }

  /** Where the next stream has to begin. */
  get reached(): string | null {
    return this.#decoder.reached;
  }

  /** See {@link FrameHandler}. Anything but rows is rare, and rows take the first branch. */
  frame(type: number, body: Bytes, start: number, end: number): boolean {
    if (this.#over) return false;
    if (type !== COPY_DATA) {
      this.#control(type, body, start, end);
      return true;
    }
    if (start >= end) throw new MalformedData('a frame is empty', start);
    const kind = body.view.getUint8(start);
    if (kind === XLOG_DATA) {
      const at = start + XLOG_DATA_HEADER;
      return this.#raw === null
        ? this.#decoder.message(body, at, end)
        : this.#rawMessage(this.#raw, { bytes: body, start: at, end });
    }
    if (kind !== KEEPALIVE) {
      throw new MalformedData(`a frame has the unknown kind 0x${kind.toString(16)}`, start);
    }
    this.#keepalive(body, start, end);
    return true;
  }

  #rawMessage(raw: RawMessages, { bytes, start, end }: MessageBytes): boolean {
    const message = start < end ? raw.read(bytes, start, end) : { bytes, start, end };
    if (message === null) return false;
    const taken = this.#decoder.message(message.bytes, message.start, message.end);
    if (taken) raw.taken();
    return taken;
  }

  #onChunk(chunk: Buffer): void {
    if (this.#over) return;
    this.#feedback.heard();
    this.#frames.push(chunk);
    this.#pace.arrived(chunk.length);
    this.#advance();
  }

  /** Hands over what has arrived, as far as receiver and catalogue allow. */
  #advance(): void {
    this.#advancing = true;
    try {
      if (this.#frames.read(this)) {
        const burst = this.#options.receiver.burst();
        if (burst !== undefined) this.#wait(burst);
      } else if (!this.#over) this.#wait(this.#lookUp(this.#ended.signal));
    } catch (error) {
      this.#end(this.#explain(error));
    }
    this.#advancing = false;
    if (this.#over) this.#finish();
  }

  #lookUp(signal: AbortSignal): Promise<void> {
    return this.#raw?.incomplete === true
      ? this.#raw.lookUp(signal)
      : this.#relations.lookUp(signal);
  }

  /** Reads no further until the promise resolves: this is what bounds memory. */
  #wait(condition: Promise<void>): void {
    this.#waiting = true;
    this.#connection.pause();
    this.#feedback.reading = false;
    condition.then(
      () => this.#goOn(),
      (error: unknown) => this.#end(error),
    );
  }

  #goOn(): void {
    if (this.#over) return;
    this.#waiting = false;
    this.#feedback.reading = true;
    // A look-up leaves the chunk half read.
    if (this.#frames.unread) this.#advance();
    if (!this.#waiting) this.#connection.resume();
  }

  #control(type: number, body: Bytes, start: number, end: number): void {
    switch (type) {
      case COPY_BOTH:
        if (this.#streaming) throw new MalformedData('the stream begins twice', start);
        this.#streaming = true;
        this.#feedback.open();
        this.#options.receiver.streaming();
        return;
      case ERROR:
        throw readServerError(body, start, end);
      case NOTICE: {
        const notice = readServerError(body, start, end);
        if (isLostPublication(notice)) throw notice;
        return;
      }
      case PARAMETER_STATUS:
        return;
      case COPY_DONE:
      case COMMAND_COMPLETE:
      case READY:
        throw this.#disconnected('the server ended the stream');
      default:
        throw new MalformedData(`a frame has the unknown type 0x${type.toString(16)}`, start);
    }
  }

  #keepalive({ view }: Bytes, start: number, end: number): void {
    if (end - start !== KEEPALIVE_LENGTH) {
      throw new MalformedData('a keepalive has a wrong length', start);
    }
    this.#decoder.idle(wordsToPosition(view.getUint32(start + 1), view.getUint32(start + 5)));
    if (view.getUint8(start + 17) !== 0) this.#feedback.answer();
  }

  #disconnected(reason: string, cause?: unknown): TidingsError {
    return new TidingsError(
      'SOURCE_DISCONNECTED',
      { source: this.#options.source, reason },
      { cause },
    );
  }

  #explain(error: unknown): unknown {
    if (error instanceof ServerError) return toStreamError(error, this.#options);
    if (!(error instanceof MalformedData)) return error;
    const { source } = this.#options;
    const details = { source, position: error.at, problem: error.message };
    return new TidingsError('PROTOCOL_ERROR', details, { cause: error });
  }

  readonly #onAbort = (): void => this.#end(null);

  /** @param error null on abort. The first end counts. */
  #end(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    this.#ended.abort();
    if (!this.#advancing) this.#finish();
  }

  #finish(): void {
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#pace.stop();
    this.#feedback[Symbol.dispose]();
    if (this.#failure === null) {
      this.#feedback.send();
      this.#connection.close();
    } else this.#connection.destroy();
    this.#interrupted = this.#decoder.open;
    try {
      this.#decoder.abandon();
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#failure === null) this.#result.resolve();
    else this.#result.reject(this.#failure);
  }
}
