import type { Config } from '../../config/define-config.ts';
import { redactUrl } from '../../util/redact-url.ts';
import type { LogReader } from '../../log/log.ts';
import type { StateReader, StoredSubscription } from '../../state/state.ts';
import { DataLock } from '../data-lock.ts';
import { isProcessAlive } from './process-alive.ts';
import type { SourceStatusReport, Status, SubscriptionStatusReport } from './status.ts';

/**
 * The status as another process sees it: what the running service last wrote down, with the logs'
 * own present figures; without a service, what is on disk.
 * @param logs by source; a source without a log has none.
 */
export async function statusFromDisk(
  config: Config,
  state: StateReader | null,
  logs: ReadonlyMap<string, LogReader>,
): Promise<Status> {
  const beat = (await state?.heartbeat()) ?? null;
  // The lock too: after a SIGKILL the pid can be another process's (in containers it is always 1).
  const isRunning = beat !== null && isProcessAlive(beat.pid) && DataLock.isHeld(config.dataDir);
  const running = isRunning ? (JSON.parse(beat.status) as Status) : null;
  const sources = await Promise.all(
    Object.entries(config.sources).map(async ([name, { url }]) => {
      const told = running?.sources.find((source) => source.name === name) ?? stopped(name, url);
      const log = logs.get(name);
      return log === undefined ? told : { ...told, log: await logFigures(log, told) };
    }),
  );
  const heads = new Map(sources.map(({ name, log }) => [name, log.head]));
  const subscriptions =
    running === null
      ? await storedSubscriptions(state, heads)
      : running.subscriptions.map((subscription) => ({
          ...subscription,
          lag: lagOf(subscription, heads),
        }));
  return { service: running?.service ?? null, sources, subscriptions };
}

function stopped(name: string, url = ''): SourceStatusReport {
  return {
    name,
    url: redactUrl(url),
    state: 'stopped',
    error: null,
    position: null,
    lagBytes: null,
    retainedBytes: null,
    uncaptured: null,
    safeBytes: null,
    log: { head: 0, floor: 0, horizon: null, bytes: 0, segments: 0, gaps: 0, kept: 0, hold: null },
    captured: null,
  };
}

async function logFigures(
  log: LogReader,
  told: SourceStatusReport,
): Promise<SourceStatusReport['log']> {
  const { bytes, segments } = await log.size();
  return {
    ...told.log,
    head: log.head,
    floor: log.floor,
    bytes,
    segments,
    gaps: (await log.gaps()).length,
  };
}

/** Every subscription that the state remembers, as one that does not run. */
export async function storedSubscriptions(
  state: StateReader | null,
  heads: ReadonlyMap<string, number>,
): Promise<readonly SubscriptionStatusReport[]> {
  if (state === null) return [];
  const reports: SubscriptionStatusReport[] = [];
  for (let after: string | undefined; ;) {
    const page = await state.subscriptions(after === undefined ? {} : { after });
    for (const stored of page) reports.push(await report(stored, state, heads));
    after = page.at(-1)?.name;
    if (after === undefined) return reports;
  }
}

async function report(
  stored: StoredSubscription,
  state: StateReader,
  heads: ReadonlyMap<string, number>,
): Promise<SubscriptionStatusReport> {
  const { name, source, cursor, paused } = stored;
  return {
    name,
    source,
    state: paused === null ? 'stopped' : 'paused',
    reason: paused?.reason ?? null,
    cursor,
    lag: lagOf(stored, heads),
    inFlight: 0,
    ...(await state.countExceptions(name)),
    stuck: 0,
    stuckSince: null,
    delivered: 0,
    rate: 0,
    caughtUpIn: null,
    lastError: null,
  };
}

function lagOf(
  subscription: { readonly source: string; readonly cursor: number },
  heads: ReadonlyMap<string, number>,
): number {
  return Math.max(0, (heads.get(subscription.source) ?? 0) - subscription.cursor);
}
