import type { Config, ConfigInput } from '../config/define-config.ts';
import { noSource, requireValues } from '../config/needed.ts';
import { resolveConfig } from '../config/resolve-config.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { type Logger, SILENT } from '../observe/logger.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import type { State } from '../state/state.ts';
import { SqliteState } from '../state/sqlite/sqlite-state.ts';
import { openLog, openSource, statePath } from './adapters.ts';
import type { CommitPoint } from './commit-points.ts';
import { DataLock } from './data-lock.ts';
import { deliveryObserver } from './delivery-metrics.ts';
import { checkSpace } from './free-space.ts';
import type { Front } from './front.ts';
import { beginningLost, endLost } from './lost-ends.ts';
import { SourceService } from './source-service.ts';
import { checkStateBesideLogs } from './state-beside-logs.ts';
import { SubscriptionRegistry } from './subscriptions/subscription-registry.ts';
import type { Tidings } from './tidings.ts';
import { TidingsService } from './tidings-service.ts';
import { openUndo } from './undo.ts';
import { readVersion } from './version.ts';

/** What may be handed in besides the configuration. */
export interface CreateOptions {
  /** Default: writes nothing, because the output belongs to the application. */
  readonly logger?: Logger;
  /** Default: a registry of its own. */
  readonly metrics?: Metrics;
  /** Sources whose lost changes are given up: capture begins anew at the present. */
  readonly acceptGaps?: readonly string[];
  /**
   * Sources whose history may have gone back (a backup was restored, or a standby that lagged took
   * over): the log goes on where the two part, and subscriptions are told what was abandoned.
   */
  readonly acceptRewinds?: readonly string[];
  /** Sources whose server pg_upgrade has made anew, with their slots: the log goes on. */
  readonly upgraded?: readonly string[];
  /** Called at each commit point, for tests that crash there. */
  readonly onCommitPoint?: (point: CommitPoint) => void;
}

/**
 * Opens the data directory and puts the service together; `start` sets it going. Takes the directory
 * for itself until it is disposed of.
 * @param front makes what stands in front of the service.
 * @throws TidingsError `CONFIG_*`, `DATA_LOCKED`, `DATA_NEWER`, `STATE_MISSING`, `LOG_CORRUPT`,
 *   `LOG_END_LOST`, `HANDLER_*`, `FILTER_INVALID`.
 */
export async function createTidings(
  input: ConfigInput | Config,
  options: CreateOptions = {},
  front?: (tidings: Tidings) => Front,
): Promise<Tidings> {
  const config = resolveConfig(input);
  requireValues(config, 'program');
  if (Object.keys(config.sources).length === 0) throw noSource('program');
  const logger = options.logger ?? SILENT;
  const metrics = options.metrics ?? createMetrics();
  await using opened = new AsyncDisposableStack();
  opened.use(DataLock.acquire(config.dataDir));
  checkStateBesideLogs(config);
  const state = opened.use(SqliteState.open(statePath(config)));
  const sources: SourceService[] = [];
  const deliveriesBusy = (): boolean => sources.some(({ delivery }) => delivery.busy);
  const shared = { config, state, logger, metrics, options, deliveriesBusy };
  for (const name of Object.keys(config.sources)) {
    const source = opened.use(await createSource(name, shared));
    const lost = endLost(config, name, source.log.head, await state.furthest(name));
    if (lost !== null) throw lost;
    sources.push(source);
  }
  const registry = new SubscriptionRegistry({ ...shared, sources });
  const service = new TidingsService({
    ...shared,
    registry,
    front,
    undo: opened.use(openUndo(config)),
    sources,
    version: readVersion(),
    acceptGaps: checkNames(options.acceptGaps ?? [], config),
    acceptRewinds: checkNames(options.acceptRewinds ?? [], config),
    upgraded: checkNames(options.upgraded ?? [], config),
    resources: opened.move(),
  });
  try {
    await registry.addConfigured();
    await registry.addRemembered();
  } catch (error) {
    await service[Symbol.asyncDispose]();
    throw error;
  }
  return service;
}

interface Shared {
  readonly config: Config;
  readonly state: State;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly options: CreateOptions;
  readonly deliveriesBusy: () => boolean;
}

/** How many tables set-up publishes between two lines that say so. */
const PROGRESS_STEP = 2_000;

async function createSource(name: string, shared: Shared): Promise<SourceService> {
  const { config, state, metrics, options, deliveriesBusy } = shared;
  const logger = shared.logger.with({ source: name });
  const source = openSource(config, name, {
    onWarning: (warning) => {
      if (isTidingsError(warning, 'TRANSACTION_LEFT_OUT')) {
        metrics.captureLeftOut.for({ source: name }).inc(1);
      }
      logger.warn('Not everything can be captured', { error: warning });
    },
    onUnreadable: () => metrics.captureUnreadable.for({ source: name }).inc(1),
    onProgress: ({ done, all }) => {
      if (done % PROGRESS_STEP === 0 || done === all) {
        logger.info(`Set-up has published ${done} of ${all} tables`);
      }
    },
  });
  const log = await openLog(config, name, options.onCommitPoint);
  const lost = beginningLost(config, name, log.lostBeginning);
  if (lost !== null) logger.error('The log is not whole', { error: lost });
  return new SourceService({
    name,
    source,
    state,
    logger,
    metrics,
    log,
    deliveryObserver: deliveryObserver(logger, metrics),
    checkSpace: () => checkSpace(config.dataDir, config.log.minFreeBytes),
    deliveriesBusy,
    onCommitPoint: options.onCommitPoint,
  });
}

function checkNames(names: readonly string[], config: Config): readonly string[] {
  for (const source of names) {
    if (config.sources[source] === undefined) throw new TidingsError('SOURCE_UNKNOWN', { source });
  }
  return names;
}
