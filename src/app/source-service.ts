import { Capture, type CaptureObserver, type CaptureState } from '../capture/capture.ts';
import { createChangeDecoder } from '../change/decode.ts';
import { SourceDelivery } from '../delivery/source-delivery.ts';
import type { DeliveryObserver } from '../delivery/observer.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { SqliteLog } from '../log/sqlite/sqlite-log.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import { isKnownByName, isSameDatabase, mayBeUpgraded } from '../source/source-identity.ts';
import type { Source, SourceStatus } from '../source/source.ts';
import type { State } from '../state/state.ts';
import { Horizon } from '../subscription/horizon.ts';
import { sleep } from '../util/sleep.ts';
import { DIALECTS } from './adapters.ts';
import type { CommitPoint } from './commit-points.ts';
import { Backlog } from './status/backlog.ts';
import { LogTrimmer } from './trimming/log-trimmer.ts';

export interface SourceServiceOptions {
  /** As configured. */
  readonly name: string;
  readonly source: Source;
  readonly log: SqliteLog;
  readonly state: State;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deliveryObserver: DeliveryObserver;
  /** Throws `LOG_FULL` when too little space is left. */
  readonly checkSpace: () => Promise<void>;
  /** Whether deliveries of any source are under way. */
  readonly deliveriesBusy: () => boolean;
  readonly onCommitPoint?: ((point: CommitPoint) => void) | undefined;
}

const CAPTURE_STATES: readonly CaptureState[] = [
  'stopped',
  'connecting',
  'streaming',
  'reconnecting',
  'refused',
  'disk full',
  'failed',
];

/** Capture goes on by itself from these. */
const WAITING: ReadonlySet<CaptureState> = new Set(['reconnecting', 'disk full']);

/** How often the database is asked for its position and what it keeps for us; milliseconds. */
const STATUS_PAUSE = 5_000;

/** What the operator accepts at the start. */
export interface Accepted {
  /** That changes are lost for good. */
  readonly acceptGap: boolean;
  /** That the database's history went back. */
  readonly acceptRewind: boolean;
  /** That pg_upgrade has made the server anew. */
  readonly upgraded: boolean;
}

/** Everything that belongs to one source while the service runs: log, capture, delivery. */
export class SourceService implements AsyncDisposable {
  readonly name: string;
  readonly log: SqliteLog;
  readonly horizon = new Horizon();
  readonly capture: Capture;
  readonly delivery: SourceDelivery;
  readonly trimmer: LogTrimmer;
  /** What the database last said; null before it was asked, or while it cannot be. */
  lastStatus: SourceStatus | null = null;
  /** What still lies in the WAL. */
  readonly backlog = new Backlog();
  readonly #options: SourceServiceOptions;
  #capturedAt: number | null = null;
  #stateSince = Date.now();
  readonly #stop = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  #running: Promise<void> | null = null;

  constructor(options: SourceServiceOptions) {
    const { name, log, state, onCommitPoint } = options;
    this.#options = options;
    this.name = name;
    this.log = log;
    this.delivery = new SourceDelivery({
      source: name,
      log,
      state,
      onCommitPoint,
      horizon: this.horizon,
      decoder: createChangeDecoder(name, DIALECTS),
      observer: options.deliveryObserver,
    });
    const settle = (): Promise<void> => this.delivery.settle();
    this.trimmer = new LogTrimmer({ source: name, log, state, settle });
    this.capture = new Capture({
      source: options.source,
      log,
      onCommitPoint,
      checkSpace: options.checkSpace,
      othersBusy: options.deliveriesBusy,
      advance: (offset) => this.horizon.advance(offset),
      confirmIdentity: (identity) => this.#confirmIdentity(identity),
      observer: this.#captureObserver(),
      signal: this.#stop.signal,
    });
  }

  /** How far capture is behind the database, as `tidings_capture_lag_seconds` says. */
  async lagSeconds(): Promise<number> {
    if (this.capture.state !== 'streaming') return (Date.now() - this.#stateSince) / 1_000;
    const [newest] = await this.log.lastTransactions(1);
    if (newest === undefined || this.#capturedAt === null) return 0;
    return Math.max(0, this.#capturedAt / 1_000 - newest.committedAt / 1e6);
  }

  /**
   * Resolves when capture streams, was refused or has ended; also when it waits for something that may pass and
   * the database keeps what is missed meanwhile. At the very first start nothing does yet: whoever
   * wrote a row then, believing that it is captured, would lose it silently.
   */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /**
   * Captures until {@link stop}.
   * @throws what capture cannot go on from by itself.
   */
  async run(options: Accepted): Promise<void> {
    this.#running ??= this.#run(options).finally(() => this.#settled.resolve());
    await this.#running;
  }

  /** Ends capture; what was received whole is durable then. Delivery is drained on its own. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running?.catch(() => undefined); // Whoever awaits `run` has it.
  }

  /** As of the source's own. */
  relations(...asked: Parameters<Source['relations']>): ReturnType<Source['relations']> {
    return this.#options.source.relations(...asked);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // In reverse order, and all of them also when one fails.
    await using resources = new AsyncDisposableStack();
    resources.use(this.log);
    resources.use(this.#options.source);
    resources.use(this.delivery);
    await this.stop();
  }

  async #run({ acceptGap, acceptRewind, upgraded }: Accepted): Promise<void> {
    const watching = this.#watchStatus();
    if (upgraded) await this.capture.acceptUpgrade((found) => this.#adopt(found), acceptGap);
    if (acceptRewind) await this.capture.acceptRewind();
    if (acceptGap) await this.capture.acceptGap('given up by the operator (--accept-gap)');
    await this.capture.run();
    await watching;
  }

  async #confirmIdentity(found: string): Promise<void> {
    const { state } = this.#options;
    const expected = await state.sourceIdentity(this.name);
    if (expected === null) await state.setSourceIdentity(this.name, found);
    else if (!(await this.#isSame(expected, found))) {
      throw new TidingsError('SOURCE_CHANGED', { source: this.name, found, expected });
    } else if (expected !== found) await state.setSourceIdentity(this.name, found);
  }

  /** Of a database that may be this source's, on a server that was upgraded. */
  async #adopt(found: string): Promise<(() => Promise<void>) | null> {
    const { name } = this;
    const { state } = this.#options;
    const expected = await state.sourceIdentity(name);
    if (expected === null || isSameDatabase(expected, found)) return null;
    if (!mayBeUpgraded(expected, found)) {
      throw new TidingsError('SOURCE_CHANGED', { source: name, found, expected });
    }
    return () => state.setSourceIdentity(name, found);
  }

  async #isSame(expected: string, found: string): Promise<boolean> {
    if (!isSameDatabase(expected, found)) return false;
    if (!isKnownByName(expected)) return true;
    return !(await this.#options.source.isElsewhere(this.#stop.signal));
  }

  #captureObserver(): CaptureObserver {
    const { metrics, logger } = this.#options;
    const labels = { source: this.name };
    const changes = metrics.captureChanges.for(labels);
    const transactions = metrics.captureTransactions.for(labels);
    const flush = metrics.captureFlush.for(labels);
    return {
      captured: (changeCount, transactionCount) => {
        changes.inc(changeCount);
        transactions.inc(transactionCount);
        if (transactionCount > 0) this.#capturedAt = Date.now();
      },
      flushed: (seconds) => flush.observe(seconds),
      failure: (error) => logger.debug('Capture met a failure', { error }),
      state: (state, error) => this.#onCaptureState(state, error),
    };
  }

  #onCaptureState(state: CaptureState, error: unknown): void {
    const { metrics, logger } = this.#options;
    for (const each of CAPTURE_STATES) {
      metrics.captureState.for({ source: this.name, state: each }).set(each === state ? 1 : 0);
    }
    this.#stateSince = Date.now();
    if (state === 'connecting') return;
    const isKept = this.log.position !== null;
    if (isKept || !WAITING.has(state)) this.#settled.resolve();
    if (!isKept && (WAITING.has(state) || state === 'refused')) {
      logger.warn('Capture cannot begin yet, and changes made until then are not captured');
    }
    if (state === 'streaming') logger.info('Capture streams', { position: this.log.position });
    else if (state === 'disk full') logger.error('Capture waits for room on the disk', { error });
    else if (state === 'refused') logger.error('The source refuses capture', { error });
    else if (state === 'reconnecting') {
      metrics.captureReconnects.for({ source: this.name }).inc(1);
      logger.warn('Capture lost its connection and tries again', { error });
    }
  }

  async #watchStatus(): Promise<void> {
    const { signal } = this.#stop;
    const { source, metrics } = this.#options;
    const labels = { source: this.name };
    await this.#settled.promise;
    while (!signal.aborted) {
      // A database that does not answer shows in capture's state; here it only has no figures.
      this.lastStatus =
        this.capture.state === 'streaming' ? await source.status(signal).catch(() => null) : null;
      if (this.lastStatus !== null) this.backlog.note(this.lastStatus, this.capture.changes);
      metrics.captureLagBytes.for(labels).set(this.lastStatus?.lagBytes ?? Number.NaN);
      metrics.sourceRetainedBytes.for(labels).set(this.lastStatus?.retainedBytes ?? Number.NaN);
      await sleep(STATUS_PAUSE, signal);
    }
  }
}
