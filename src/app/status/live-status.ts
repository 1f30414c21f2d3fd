import type { Config } from '../../config/define-config.ts';
import type { SubscriptionStatus } from '../../delivery/subscription-status.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { StateReader } from '../../state/state.ts';
import { redactUrl } from '../../util/redact-url.ts';
import type { SourceService } from '../source-service.ts';
import { caughtUpIn } from './backlog.ts';
import { storedSubscriptions } from './status-from-disk.ts';
import type {
  ReportedError,
  ServiceStatus,
  SourceStatusReport,
  Status,
  SubscriptionStatusReport,
} from './status.ts';

export interface LiveStatusOptions {
  readonly config: Config;
  readonly service: ServiceStatus;
  readonly sources: readonly SourceService[];
  readonly state: StateReader;
}

/** The status of the service in this process. */
export async function liveStatus(options: LiveStatusOptions): Promise<Status> {
  const { config, service, state } = options;
  const sources = await Promise.all(options.sources.map((source) => sourceReport(config, source)));
  const uncaptured = new Map(sources.map((source) => [source.name, source.uncaptured]));
  const running = options.sources.flatMap(({ name, delivery }) =>
    delivery.status().map((each) => subscriptionReport(each, uncaptured.get(name) ?? null)),
  );
  const names = new Set(running.map(({ name }) => name));
  const heads = new Map(sources.map(({ name, log }) => [name, log.head]));
  // Remembered and registered by nobody: they still hold the log, so they have to be seen.
  const absent = (await storedSubscriptions(state, heads)).filter(({ name }) => !names.has(name));
  return { service, sources, subscriptions: [...running, ...absent] };
}

async function sourceReport(config: Config, service: SourceService): Promise<SourceStatusReport> {
  const { name, capture, log, trimmer, lastStatus } = service;
  const { bytes, segments } = await log.size();
  return {
    name,
    url: redactUrl(config.sources[name]?.url ?? ''),
    state: capture.state,
    error: reportedError(capture.error),
    position: log.position,
    lagBytes: lastStatus?.lagBytes ?? null,
    retainedBytes: lastStatus?.retainedBytes ?? null,
    safeBytes: lastStatus?.safeBytes ?? null,
    uncaptured: service.backlog.records(lastStatus?.lagBytes ?? null),
    log: {
      head: log.head,
      floor: log.floor,
      horizon: service.horizon.offset,
      bytes,
      segments,
      gaps: (await log.gaps()).length,
      kept: trimmer.kept.records,
      hold: trimmer.hold,
    },
    captured: {
      changes: capture.changes,
      transactions: capture.transactions,
      reconnects: capture.reconnects,
    },
  };
}

function reportedError(error: unknown): ReportedError | null {
  if (error === null) return null;
  if (error instanceof TidingsError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  return {
    code: 'DEFECT',
    message: error instanceof Error ? error.message : 'unknown',
    hint: 'Please report it with the log.',
  };
}

function subscriptionReport(
  status: SubscriptionStatus,
  uncaptured: number | null,
): SubscriptionStatusReport {
  // Rests and replays are in `subscriptions`, with what belongs to them.
  const {
    stuckSince,
    lastError,
    speed: _speed,
    restsUntil: _rests,
    replays: _replays,
    ...rest
  } = status;
  return {
    ...rest,
    caughtUpIn: caughtUpIn(status, uncaptured),
    stuckSince: stuckSince === null ? null : new Date(stuckSince).toISOString(),
    lastError:
      lastError === null
        ? null
        : {
            code: lastError.code,
            message: lastError.message,
            at: new Date(lastError.at).toISOString(),
          },
  };
}
