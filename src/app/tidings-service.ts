import type { WireChange } from '../change/wire.ts';
import { withoutUndefined } from '../util/without-undefined.ts';
import type { Config } from '../config/define-config.ts';
import type { StartAt } from '../option/start-at.ts';
import type { SubscriptionDefinition } from '../delivery/definition.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { State } from '../state/state.ts';
import type {
  ApplyUndoOptions,
  PlanUndoOptions,
  UndoPlan,
  UndoRequest,
  UndoResult,
  UndoRow,
} from '../undo/undo-plan.ts';
import type {
  ChangesPage,
  ChangesQuery,
  DeliveryPage,
  DeliveryQuery,
  DeliveryReport,
  ReplayReport,
  ReplayRequest,
  SubscriptionReport,
  TestReport,
} from './administration.ts';
import { collectFromStatus } from './collect-metrics.ts';
import type { Front } from './front.ts';
import { writeHeartbeats } from './status/heartbeat.ts';
import { liveStatus } from './status/live-status.ts';
import { keepRetention } from './retention.ts';
import { ServiceAdministration } from './service-administration.ts';
import type { SourceService } from './source-service.ts';
import { NameWarnings } from './subscriptions/name-warnings.ts';
import type { ServiceStatus, Status } from './status/status.ts';
import {
  allSubscriptions,
  type SubscriptionRegistry,
} from './subscriptions/subscription-registry.ts';
import type { Registration, Tidings } from './tidings.ts';
import type { TrimReport } from './trimming/trim-request.ts';
import type { UndoService } from './undo.ts';

export interface TidingsServiceOptions {
  readonly config: Config;
  readonly sources: readonly SourceService[];
  readonly state: State;
  readonly registry: SubscriptionRegistry;
  readonly undo: UndoService;
  /** Makes what stands in front of the service. */
  readonly front?: ((tidings: Tidings) => Front) | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  /** Sources whose lost changes the operator gives up. */
  readonly acceptGaps: readonly string[];
  /** Sources whose history may have gone back. */
  readonly acceptRewinds: readonly string[];
  /** Sources whose server was upgraded in place. */
  readonly upgraded: readonly string[];
  /** Releases what was opened for the service: logs, state, lock. */
  readonly resources: AsyncDisposable;
}

/** What is still in flight after this long while draining is cut short; milliseconds. */
const DRAIN_DEADLINE = 30_000;

/** The service in one process: its sources, and everything that runs beside them. */
export class TidingsService implements Tidings {
  readonly #options: TidingsServiceOptions;
  readonly #administration: ServiceAdministration;
  readonly #names: NameWarnings;
  readonly #front: Front | null;
  readonly #startedAt = Date.now();
  readonly #stop = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #capturing: Promise<void> | null = null;
  #beside: Promise<unknown> = Promise.resolve();
  #started: Promise<void> | null = null;
  #drained: Promise<void> | null = null;
  /** How it was when log and state were closed: all that can be told from then on. */
  #lastStatus: Status | null = null;

  constructor(options: TidingsServiceOptions) {
    this.#options = options;
    // Nobody has to ask for it; who does gets the rejection.
    this.#finished.promise.catch(() => undefined);
    const status = (): Promise<Status> => this.status();
    const { signal } = this.#stop;
    const { config, registry, logger } = options;
    this.#names = new NameWarnings({ config, registry, logger, signal });
    this.#administration = new ServiceAdministration({
      ...options,
      status,
      signal,
      names: this.#names,
    });
    this.#front = options.front?.(this) ?? null;
    collectFromStatus(options.metrics, {
      status,
      dataDir: options.config.dataDir,
      sources: new Map(options.sources.map((source) => [source.name, source])),
    });
  }

  get url(): string | null {
    return this.#front?.url ?? null;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  register(name: string, table: string, handler: Registration): this {
    const { where, columns, from, maxConcurrency, maxAttempts, timeout } = handler;
    const delivery = { maxConcurrency, maxAttempts, timeout };
    const definition: SubscriptionDefinition = {
      name,
      filter: { tables: [table], ...withoutUndefined({ where, columns }) },
      from,
      delivery: withoutUndefined(delivery),
    };
    this.#expectOpen();
    const { registry } = this.#options;
    registry.addHandler(registry.source(handler.source), definition, handler);
    // Before the start nobody can be asked, and the start looks at all of them.
    if (this.#started !== null) this.#watch(this.#names.warnOfOne(name));
    return this;
  }

  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { sources, state, logger, config } = this.#options;
    this.#expectOpen();
    await this.#front?.open();
    if (this.#drained !== null) return;
    await Promise.all(sources.map((source) => source.delivery.start()));
    await this.#warnOfAbsent();
    this.#capturing = this.#capture();
    const { signal } = this.#stop;
    const status = (): Promise<Status> => this.status();
    this.#beside = Promise.all([
      writeHeartbeats({ state, startedAt: this.#startedAt, status, logger, signal }),
      ...sources.map((source) => this.#names.warnOf(source)),
      ...sources.map((source) =>
        keepRetention({
          trimmer: source.trimmer,
          retention: config.log.retention,
          logger: logger.with({ source: source.name }),
          signal,
        }),
      ),
    ]);
    const settled = Promise.all(sources.map((source) => source.settled));
    await Promise.race([settled, this.#finished.promise]);
    // All of them may have failed while the others settled: then the start itself has failed.
    if (!sources.every(({ capture: { state: now } }) => now === 'failed' || now === 'refused'))
      return;
    for (const { capture } of sources) capture.giveUp();
    await this.#finished.promise;
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async status(): Promise<Status> {
    if (this.#lastStatus !== null) return this.#lastStatus;
    const { config, sources, state, version } = this.#options;
    const service: ServiceStatus = {
      pid: process.pid,
      version,
      startedAt: new Date(this.#startedAt).toISOString(),
      at: new Date().toISOString(),
      dataDir: config.dataDir,
    };
    return await liveStatus({ config, service, sources, state });
  }

  async metrics(): Promise<string> {
    return await this.#options.metrics.text();
  }

  async forget(subscription: string): Promise<void> {
    const { registry, state } = this.#options;
    if (registry.has(subscription)) {
      throw new TidingsError('SUBSCRIPTION_EXISTS', { name: subscription });
    }
    await state.removeSubscription(subscription);
  }

  subscriptions(): Promise<readonly SubscriptionReport[]> {
    return this.#administration.subscriptions();
  }

  subscription(...asked: Parameters<Tidings['subscription']>): Promise<SubscriptionReport> {
    return this.#administration.subscription(...asked);
  }

  createSubscription(
    ...asked: Parameters<Tidings['createSubscription']>
  ): Promise<SubscriptionReport> {
    return this.#administration.createSubscription(...asked);
  }

  changeSubscription(
    ...asked: Parameters<Tidings['changeSubscription']>
  ): Promise<SubscriptionReport> {
    return this.#administration.changeSubscription(...asked);
  }

  deleteSubscription(name: string): Promise<void> {
    return this.#administration.deleteSubscription(name);
  }

  pause(subscription: string, reason?: string): Promise<void> {
    return this.#administration.pause(subscription, reason);
  }

  resume(subscription: string): Promise<void> {
    return this.#administration.resume(subscription);
  }

  rewind(subscription: string, to: StartAt): Promise<void> {
    return this.#administration.rewind(subscription, to);
  }

  deliveries(query?: DeliveryQuery): Promise<DeliveryPage> {
    return this.#administration.deliveries(query);
  }

  delivery(subscription: string, offset: number): Promise<DeliveryReport> {
    return this.#administration.delivery(subscription, offset);
  }

  retry(subscription: string, offset: number): Promise<void> {
    return this.#administration.retry(subscription, offset);
  }

  replay(subscription: string, what: ReplayRequest): Promise<ReplayReport> {
    return this.#administration.replay(subscription, what);
  }

  discard(subscription: string, offset: number, reason: string): Promise<void> {
    return this.#administration.discard(subscription, offset, reason);
  }

  testDelivery(subscription: string, signal?: AbortSignal): Promise<TestReport> {
    return this.#administration.testDelivery(subscription, signal);
  }

  changes(query: ChangesQuery, signal?: AbortSignal): Promise<ChangesPage> {
    return this.#administration.changes(query, signal);
  }

  deliveredChange(subscription: string, offset: number): Promise<WireChange | null> {
    return this.#administration.deliveredChange(subscription, offset);
  }

  trimLog(...request: Parameters<Tidings['trimLog']>): Promise<readonly TrimReport[]> {
    return this.#administration.trimLog(...request);
  }

  planUndo(
    request: UndoRequest,
    options: PlanUndoOptions = {},
    signal: AbortSignal = this.#stop.signal,
  ): Promise<UndoPlan> {
    return this.#options.undo.planUndo(request, options, signal);
  }

  undoRows(plan: UndoPlan, signal: AbortSignal = this.#stop.signal): AsyncIterable<UndoRow> {
    return this.#options.undo.undoRows(plan, signal);
  }

  applyUndo(
    plan: UndoPlan,
    options: ApplyUndoOptions = {},
    signal: AbortSignal = this.#stop.signal,
  ): Promise<UndoResult> {
    return this.#options.undo.applyUndo(plan, options, signal);
  }

  /** A subscription that nobody registers any more would hold the log for ever without a word. */
  async #warnOfAbsent(): Promise<void> {
    const { state, logger } = this.#options;
    const absent = (await allSubscriptions(state)).filter(
      ({ name }) => !this.#options.registry.has(name),
    );
    if (absent.length === 0) return;
    logger.warn('The log keeps what these subscriptions have not read, and nobody registers them', {
      subscriptions: absent.map(({ name }) => name),
      hint: `\`tidings subscriptions delete ${absent[0]?.name ?? ''}\` gives one up.`,
    });
  }

  /** Has the end of the service wait for something that runs beside it. */
  #watch(work: Promise<void>): void {
    this.#beside = Promise.all([this.#beside, work]);
  }

  /** Runs all captures. One that fails for good leaves the others alone; the last one ends all. */
  async #capture(): Promise<void> {
    const { sources, logger, acceptGaps, acceptRewinds, upgraded } = this.#options;
    const results = await Promise.allSettled(
      sources.map(async (source) => {
        try {
          const { name } = source;
          await source.run({
            acceptGap: acceptGaps.includes(name),
            acceptRewind: acceptRewinds.includes(name),
            upgraded: upgraded.includes(name),
          });
        } catch (error) {
          // A lone source's failure is what the service ends with, so its caller tells it.
          if (sources.length > 1) {
            logger.error('Capture cannot go on', { source: source.name, error });
          }
          throw error;
        }
      }),
    );
    const failures = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    const [first] = failures as readonly unknown[];
    if (failures.length > 0 && failures.length === sources.length) this.#finished.reject(first);
    else if (this.#stop.signal.aborted) this.#finished.resolve();
  }

  async #drain(): Promise<void> {
    const { sources, state, resources, logger } = this.#options;
    try {
      await this.#front?.close();
      const deadline = AbortSignal.timeout(DRAIN_DEADLINE);
      await Promise.all(sources.map((source) => source.delivery.drain(deadline)));
      this.#stop.abort();
      await Promise.all(sources.map((source) => source.stop()));
      await this.#capturing;
      await this.#beside;
      await state.beat(null).catch((error: unknown) => {
        logger.warn('The end could not be written down', { error });
      });
    } finally {
      // Also when draining has failed: nothing may go on with what is closed here.
      this.#stop.abort();
      try {
        this.#lastStatus = await this.status();
      } catch (error) {
        logger.warn('The last status could not be read', { error });
      }
      try {
        await resources[Symbol.asyncDispose]();
      } finally {
        this.#finished.resolve();
      }
    }
  }

  /** What is asked of a drained service would never happen; silence would look like a lost change. */
  #expectOpen(): void {
    if (this.#drained !== null) throw new Error('Tidings was drained; createTidings makes another');
  }
}
