import { Capture, type CaptureCommitPoint, type CaptureState } from '../capture/capture.ts';
import { createChangeDecoder, type ChangeDecoder } from '../change/decode.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Source, SourceStatus } from '../source/source.ts';
import type { State } from '../state/state.ts';
import { Dispatcher } from '../subscription/dispatcher.ts';
import { Horizon } from '../subscription/horizon.ts';
import { sleep } from '../util/sleep.ts';
import { DIALECTS } from './adapters.ts';

export interface SourceServiceOptions {
  readonly source: Source;
  readonly log: Log;
  readonly state: State;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Throws `LOG_FULL` when too little space is left. */
  readonly checkSpace: () => Promise<void>;
  readonly onCommitPoint?: ((point: CaptureCommitPoint) => void) | undefined;
}

const CAPTURE_STATES: readonly CaptureState[] = [
  'stopped',
  'connecting',
  'streaming',
  'reconnecting',
  'disk full',
  'failed',
];

/** How often the database is asked for its position and what it keeps for us; milliseconds. */
const STATUS_INTERVAL = 5_000;

/** Everything that belongs to one source while the service runs: log, capture, dispatcher. */
export class SourceService implements AsyncDisposable {
  readonly source: Source;
  readonly log: Log;
  readonly horizon = new Horizon();
  readonly decoder: ChangeDecoder;
  readonly dispatcher: Dispatcher;
  readonly capture: Capture;
  /** What the database last said; null before it was asked or while it cannot be. */
  lastStatus: SourceStatus | null = null;
  readonly #options: SourceServiceOptions;
  readonly #stopped = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  #runs: Promise<void> | null = null;

  constructor(options: SourceServiceOptions) {
    const { source, log, logger } = options;
    this.#options = options;
    this.source = source;
    this.log = log;
    this.decoder = createChangeDecoder(source.name, DIALECTS);
    this.dispatcher = new Dispatcher({
      log,
      horizon: this.horizon,
      decoder: this.decoder,
      onFailure: (error) => logger.warn('Reading the log failed; trying again', { error }),
    });
    this.capture = this.#createCapture();
  }

  /** Resolves when capture streams, waits for something that may pass, or has failed. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /**
   * Runs capture and dispatcher until {@link stop}.
   * @throws what capture cannot go on from.
   */
  run(): Promise<void> {
    this.#runs ??= this.#run();
    return this.#runs;
  }

  /** Gives up changes that the source cannot deliver any more, before `run`. */
  async acceptGap(): Promise<void> {
    await this.capture.acceptGap('accepted by the operator');
  }

  /** Ends capture and dispatcher; what was received whole is durable then. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#runs?.catch(() => undefined); // Reported by whoever waits for `run`.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.source[Symbol.asyncDispose]();
    await this.log[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const dispatching = this.dispatcher.run(signal);
    const watching = this.#watchStatus(signal);
    try {
      await this.capture.run();
    } finally {
      this.#settled.resolve();
      // Capture may have failed for good; what is in the log is still delivered.
      if (!signal.aborted) void dispatching;
      else await Promise.all([dispatching, watching]);
    }
  }

  #createCapture(): Capture {
    const { source, log, state, checkSpace, onCommitPoint } = this.#options;
    const { name } = source;
    return new Capture({
      source,
      log,
      checkSpace,
      onCommitPoint,
      signal: this.#stopped.signal,
      advance: (offset) => this.horizon.advance(offset),
      confirmIdentity: async (found) => {
        const expected = await state.sourceIdentity(name);
        if (expected === null) await state.setSourceIdentity(name, found);
        else if (expected !== found) {
          throw new TidingsError('SOURCE_CHANGED', { source: name, found, expected });
        }
      },
      observer: this.#observe(),
    });
  }

  #observe(): ConstructorParameters<typeof Capture>[0]['observer'] {
    const { metrics, logger, source } = this.#options;
    const labels = { source: source.name };
    const changes = metrics.captureChanges.for(labels);
    const transactions = metrics.captureTransactions.for(labels);
    const flush = metrics.captureFlush.for(labels);
    const reconnects = metrics.captureReconnects.for(labels);
    return {
      captured: (changeCount, transactionCount) => {
        changes.inc(changeCount);
        transactions.inc(transactionCount);
      },
      flushed: (seconds) => flush.observe(seconds),
      failure: (error) => logger.warn('Capture was interrupted', { error }),
      state: (state, error) => {
        if (state !== 'connecting') this.#settled.resolve();
        if (state === 'reconnecting') reconnects.inc(1);
        for (const each of CAPTURE_STATES) {
          metrics.captureState.for({ ...labels, state: each }).set(each === state ? 1 : 0);
        }
        if (state === 'streaming') logger.info('Capture streams', { position: this.log.position });
        else if (state === 'disk full') logger.error('Capture waits for room', { error });
      },
    };
  }

  async #watchStatus(signal: AbortSignal): Promise<void> {
    const { source, metrics } = this.#options;
    const labels = { source: source.name };
    while (!signal.aborted) {
      await sleep(STATUS_INTERVAL, signal);
      if (signal.aborted || this.capture.state !== 'streaming') continue;
      // A database that does not answer shows as capture's state; here it only has no figures.
      this.lastStatus = await source.status(signal).catch(() => null);
      if (this.lastStatus === null) continue;
      metrics.captureLagBytes.for(labels).set(this.lastStatus.lagBytes ?? 0);
      metrics.sourceRetainedBytes.for(labels).set(this.lastStatus.retainedBytes ?? 0);
    }
  }
}
