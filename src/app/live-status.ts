import type { Config } from '../config/define-config.ts';
import type { SubscriptionStatus } from '../delivery/subscription-status.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { redactUrl } from '../util/redact-url.ts';
import type { SourceService } from './source-service.ts';
import type {
  ReportedError,
  ServiceStatus,
  SourceStatusReport,
  Status,
  SubscriptionStatusReport,
} from './status.ts';

/** The status of the service in this process. */
export async function liveStatus(
  config: Config,
  service: ServiceStatus,
  sources: readonly SourceService[],
): Promise<Status> {
  return {
    service,
    sources: await Promise.all(sources.map((source) => sourceReport(config, source))),
    subscriptions: sources.flatMap((source) => source.delivery.status().map(subscriptionReport)),
  };
}

async function sourceReport(config: Config, service: SourceService): Promise<SourceStatusReport> {
  const { name, capture, log, lastStatus } = service;
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
    log: {
      head: log.head,
      floor: log.floor,
      horizon: service.horizon.offset,
      bytes,
      segments,
      gaps: (await log.gaps()).length,
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

function subscriptionReport(status: SubscriptionStatus): SubscriptionStatusReport {
  const { stuckSince, lastError, ...rest } = status;
  return {
    ...rest,
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
