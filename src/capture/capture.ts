import { historyOf, sourcePosition } from '../change/position.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import type { Log } from '../log/log.ts';
import type { Source, VisibilitySnapshot } from '../source/source.ts';
import { backoff, type BackoffOptions } from '../util/backoff.ts';
import { sleep } from '../util/sleep.ts';
import { acceptUpgrade, type AdoptIdentity } from './accept-upgrade.ts';
import { ConfirmedServer } from './confirmed-server.ts';
import { FairShare } from './fair-share.ts';
import { FlushPace } from './flush-pace.ts';
import { invisibleInLog } from './initial-horizon.ts';
import { LogContinuation } from './log-continuation.ts';
import { LogReceiver } from './log-receiver.ts';
import { isRefusal, REFUSED_PAUSE } from './refusal.ts';
import { VisibilityGate } from './visibility-gate.ts';

export type CaptureState =
  | 'stopped'
  | 'connecting'
  | 'streaming'
  | 'reconnecting'
  /** The source refuses; it is tried again, in case that is mended there. */
  | 'refused'
  | 'disk full'
  | 'failed';

/** Told of what happens; every method may be left out of account by the caller. */
export interface CaptureObserver {
  captured(changes: number, transactions: number): void;
  flushed(seconds: number): void;
  state(state: CaptureState, error: unknown): void;
  failure(error: unknown): void;
}

/**
 * The moments between which a crash must lose nothing, in the order in which a batch passes them.
 * Tests kill the process at each.
 */
export const CAPTURE_COMMIT_POINTS = [
  /** The batch is in the writer's memory; the log does not have it. */
  'capture 1: appended',
  /** The batch is durable; the source has not been told. */
  'capture 2: flushed',
  /** The source may forget the batch; no subscriber has seen it. */
  'capture 3: acknowledged',
] as const;

export type CaptureCommitPoint = (typeof CAPTURE_COMMIT_POINTS)[number];

export interface CaptureOptions {
  readonly source: Source;
  readonly log: Log;
  /** Called with a growing offset: subscribers may read everything below it (invariant 4). */
  readonly advance: (horizon: number) => void;
  /** Compares the database behind the connection with the one the log was made from; may throw. */
  readonly confirmIdentity: (identity: string) => Promise<void>;
  /** Throws `LOG_FULL` when less space is free than the operator wants to keep. */
  readonly checkSpace: () => Promise<void>;
  readonly observer: CaptureObserver;
  /** Whether anybody else has use for the thread; see {@link FairShare}. Default: nobody. */
  readonly othersBusy?: (() => boolean) | undefined;
  /** Called at each commit point, for tests that crash there. */
  readonly onCommitPoint?: ((point: CaptureCommitPoint) => void) | undefined;
  readonly signal: AbortSignal;
}

/** Database restarts take seconds, so half a minute is a long enough wait between two attempts. */
const RECONNECT: BackoffOptions = { first: 200, factor: 2, max: 30_000, jitter: 0.3 };
/** A full disk is looked at again this often; milliseconds. */
const SPACE_PAUSE = 1_000;
/**
 * How long a slot that somebody else reads is waited for at the start; milliseconds. A process of
 * ours that was killed lets go of it within moments; who holds it longer means to keep it.
 */
const SLOT_PATIENCE = 5_000;
/** States that show as one for as long as they last, not as an alternation with `connecting`. */
const LASTING: ReadonlySet<CaptureState> = new Set(['disk full', 'refused']);
/** Transactions awaiting visibility before the source has to wait; bounds memory. */
const MAX_AWAITED = 100_000;

/**
 * Source to log: appends what the source streams, acknowledges only what is durable (invariant 1),
 * moves the horizon only past what is visible (invariant 4), and reconnects for ever unless the
 * source says that connecting again cannot help.
 */
export class Capture {
  readonly #options: CaptureOptions;
  readonly #gate: VisibilityGate;
  readonly #continuation: LogContinuation;
  readonly #share: FairShare;
  #receiver: LogReceiver | null = null;
  #connection: AbortController | null = null;
  #pace: FlushPace | null = null;
  #flushing: Promise<void> | null = null;
  #flushError: unknown = null;
  #state: CaptureState = 'stopped';
  #error: unknown = null;
  #failures = 0;
  #refusals = 0;
  readonly #givenUp = new AbortController();
  #gateOpen = false;
  readonly #server = new ConfirmedServer();
  #hasStreamed = false;
  /** The log's head at the last flush. */
  #flushedTo: number;
  /** Transactions that the log had made durable when this was created. */
  readonly #transactionsBefore: number;
  readonly #created = performance.now();
  #changes = 0;
  #transactions = 0;
  reconnects = 0;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#flushedTo = options.log.head;
    this.#continuation = new LogContinuation(options);
    this.#share = new FairShare(options.othersBusy ?? (() => false), options.signal);
    this.#transactionsBefore = options.log.writer.durableTransactions;
    this.#gate = new VisibilityGate(options.log.floor, {
      snapshot: (signal) => this.#snapshot(signal),
      advance: options.advance,
      onFailure: (error) => options.observer.failure(error),
      signal: options.signal,
    });
  }

  get state(): CaptureState {
    return this.#state;
  }

  /** Why capture is in its state; null while it streams. */
  get error(): unknown {
    return this.#error;
  }

  /** Made durable since it was created; what could not be comes again and counts then. */
  get changes(): number {
    return this.#changes;
  }

  get transactions(): number {
    return this.#transactions;
  }

  /**
   * Runs until the signal aborts. A source that refuses is tried again, too, until {@link giveUp}.
   * @throws TidingsError that is not retryable, when the source cannot go on by itself.
   */
  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      if (!LASTING.has(this.#state)) {
        this.#setState(this.#failures === 0 ? 'connecting' : 'reconnecting', this.#error);
      }
      try {
        await this.#stream().finally(() => this.#server.forget());
      } catch (error) {
        if (signal.aborted) break;
        await this.#recover(error);
      }
    }
    await this.#gate.settled();
    this.#setState('stopped', null);
  }

  /** Ends with the refusal that it waits for the end of: whoever starts the service is told. */
  giveUp(): void {
    this.#givenUp.abort();
  }

  /**
   * Gives up what the source can no longer deliver: begins anew at the database's present position
   * and writes the loss into the log, where `status`, `log verify` and readers find it. Not tried
   * again: whoever asked for it is told.
   * @throws TidingsError `SOURCE_CHANGED`, `SOURCE_REWOUND`, or why the source or the log cannot.
   */
  acceptGap(reason: string): Promise<void> {
    return this.#accept(() => this.#continuation.acceptGap(reason));
  }

  /** See {@link LogContinuation.acceptRewind}. Not tried again, like `acceptGap`. */
  acceptRewind(): Promise<void> {
    return this.#accept(() => this.#continuation.acceptRewind());
  }

  /** See `accept-upgrade.ts`. Not tried again, like `acceptGap`. */
  acceptUpgrade(adopt: AdoptIdentity, gapFollows: boolean): Promise<void> {
    const { source, log, signal } = this.#options;
    return this.#accept(() => acceptUpgrade({ source, log, signal, adopt, gapFollows }));
  }

  async #accept(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#options.signal.aborted) this.#setState('failed', error);
      throw error;
    }
  }

  async #openGate(): Promise<void> {
    const { source, log, signal } = this.#options;
    const snapshot = await source.visibility(signal);
    const invisible = await invisibleInLog(log, snapshot);
    for (const transaction of invisible) this.#gate.expect(transaction.id, transaction.last + 1);
    this.#gate.visibleBelow(invisible[0]?.first ?? log.head);
    if (invisible.length > 0) this.#gate.expect(invisible.at(-1)?.id ?? '', log.head);
    this.#gate.durable(log.head);
    this.#gate.ask();
    this.#gateOpen = true;
  }

  async #snapshot(signal: AbortSignal): Promise<VisibilitySnapshot> {
    await this.#server.wait(signal);
    return await this.#options.source.visibility(signal);
  }

  async #stream(): Promise<void> {
    const { source, log, signal } = this.#options;
    await this.#options.checkSpace();
    // Before anything in the database is changed, and before anything of the log is called visible.
    await this.#continuation.confirm();
    this.#server.confirm();
    if (!this.#gateOpen) await this.#openGate();
    const slot = log.position === null ? 'create' : 'expect';
    await source.setUp(signal, { slot, known: log.tables() });
    this.#connection = new AbortController();
    this.#flushError = null;
    this.#pace = new FlushPace(() => this.#flushInBackground());
    this.#receiver = this.#newReceiver();
    try {
      await source.stream({
        from: log.position === null ? null : sourcePosition(log.position),
        known: { tables: log.tables(), marks: log.marks() },
        receiver: this.#receiver,
        signal: AbortSignal.any([signal, this.#connection.signal]),
      });
      if (this.#flushError === null) await this.#flush();
    } finally {
      await this.#endConnection();
    }
    if (this.#flushError !== null) throw this.#flushError;
  }

  #newReceiver(): LogReceiver {
    const { log } = this.#options;
    return new LogReceiver({
      writer: log.writer,
      head: log.head,
      history: historyOf(log.position),
      onTransaction: (id, end) => this.#gate.expect(id, end),
      onBurst: (reachedOnly) => this.#onBurst(reachedOnly),
      onStreaming: () => this.#onStreaming(),
    });
  }

  #onStreaming(): void {
    this.#failures = 0;
    this.#refusals = 0;
    this.#hasStreamed = true;
    this.#setState('streaming', null);
  }

  async #endConnection(): Promise<void> {
    this.#pace?.stop();
    // What was whole when the connection ended is kept, also when it ended for want of space: the
    // writer would not take it again, and the next receiver counts offsets from the head. When it
    // cannot be kept the writer forgets it, and the source sends it again.
    if (this.#options.log.writer.pending.transactions > 0) {
      await this.#flush().catch((error: unknown) => this.#options.observer.failure(error));
    }
    // Drops what is half there, and readies a writer that could not flush for what comes again.
    this.#options.log.writer.abandon();
    this.#gate.forget(this.#options.log.head);
    this.#receiver = null;
    this.#connection = null;
    this.#pace = null;
  }

  #onBurst(reachedOnly: boolean): Promise<void> | undefined {
    if (this.#flushError !== null) return Promise.reject(this.#flushError);
    // Asked before the flush on purpose: the answer travels while the disk works.
    this.#gate.ask();
    if (this.#gate.waiting > MAX_AWAITED) return this.#flush().then(() => this.#gate.settled());
    const due = this.#pace?.burst(this.#options.log.writer.pending.records, reachedOnly);
    return due === 'now' ? this.#flush().then(() => this.#share.rest()) : undefined;
  }

  #flushInBackground(): void {
    this.#flush().catch((error: unknown) => {
      this.#flushError = error;
      this.#connection?.abort();
    });
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /**
   * What arrives while the free space is looked at may have asked for a flush and been given this
   * one: nothing else would come back to it before the source's next burst.
   */
  async #flushAll(): Promise<void> {
    do await this.#flushOnce();
    while (this.#options.log.writer.pending.transactions > 0);
  }

  async #flushOnce(): Promise<void> {
    const { log, source, observer, onCommitPoint } = this.#options;
    onCommitPoint?.('capture 1: appended');
    const started = performance.now();
    this.#receiver?.flushing();
    await log.writer.flush();
    // Not what was pending: that counts an unfinished transaction's records too, at every flush, and
    // lacks the whole ones that were made durable ahead of it, to make room.
    const records = log.head - this.#flushedTo;
    this.#flushedTo = log.head;
    const transactions =
      log.writer.durableTransactions - this.#transactionsBefore - this.#transactions;
    this.#changes += records;
    this.#transactions += transactions;
    const seconds = (performance.now() - started) / 1000;
    onCommitPoint?.('capture 2: flushed');
    // Only here, after the flush, may the source learn that it can forget (invariant 1).
    if (log.position !== null) source.acknowledge(sourcePosition(log.position));
    onCommitPoint?.('capture 3: acknowledged');
    this.#pace?.flushed(records);
    this.#gate.durable(log.head);
    observer.flushed(seconds);
    observer.captured(records, transactions);
    if (this.#pace?.spaceDue() === true) await this.#options.checkSpace();
  }

  async #recover(error: unknown): Promise<void> {
    const { signal, observer } = this.#options;
    observer.failure(error);
    if (isTidingsError(error, 'LOG_FULL')) {
      if (this.#state !== 'disk full') this.#setState('disk full', error);
      await sleep(SPACE_PAUSE, signal);
      return;
    }
    if (!this.#mayPass(error)) {
      if (isRefusal(error) && (await this.#waitOutRefusal(error))) return;
      this.#setState('failed', error);
      throw error;
    }
    this.#failures += 1;
    this.reconnects += 1;
    this.#setState('reconnecting', error);
    await sleep(backoff(RECONNECT, this.#failures), signal);
  }

  /** False when it was given up meanwhile. */
  async #waitOutRefusal(error: unknown): Promise<boolean> {
    const { signal } = this.#options;
    const givenUp = this.#givenUp.signal;
    this.#refusals += 1;
    this.#setState('refused', error);
    const pause = backoff(REFUSED_PAUSE, this.#refusals);
    await sleep(pause, AbortSignal.any([signal, givenUp]));
    return signal.aborted || !givenUp.aborted;
  }

  #mayPass(error: unknown): boolean {
    if (!isTidingsError(error) || !error.retryable) return false;
    if (!isTidingsError(error, 'SLOT_IN_USE') || this.#hasStreamed) return true;
    return performance.now() - this.#created < SLOT_PATIENCE;
  }

  #setState(state: CaptureState, error: unknown): void {
    if (state === this.#state && error === this.#error) return;
    this.#state = state;
    this.#error = error;
    this.#options.observer.state(state, error);
  }
}
