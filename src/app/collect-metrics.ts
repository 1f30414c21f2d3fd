import type { LogReader } from '../log/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { freeBytes } from './free-space.ts';
import type { Status } from './status/status.ts';

/** What is asked of a source besides its status. */
export interface MeasuredSource {
  readonly log: LogReader;
  lagSeconds(): Promise<number>;
}

/** Sets, at each exposition, the figures that the status has anyway. */
export function collectFromStatus(
  metrics: Metrics,
  options: {
    readonly dataDir: string;
    readonly status: () => Promise<Status>;
    readonly sources: ReadonlyMap<string, MeasuredSource>;
  },
): void {
  metrics.onCollect(async () => {
    const { sources, subscriptions } = await options.status();
    for (const { name: source, log, safeBytes } of sources) {
      metrics.logHead.for({ source }).set(log.head);
      metrics.logFloor.for({ source }).set(log.floor);
      metrics.logHorizon.for({ source }).set(log.horizon ?? 0);
      metrics.logBytes.for({ source }).set(log.bytes);
      metrics.logSegments.for({ source }).set(log.segments);
      metrics.logKept.for({ source }).set(log.kept);
      metrics.logHeldBytes.for({ source }).set(log.hold?.bytes ?? 0);
      metrics.captureLagRecords.for({ source }).set(log.head - (log.horizon ?? log.head));
      const seconds = await options.sources.get(source)?.lagSeconds();
      metrics.captureLagSeconds.for({ source }).set(seconds ?? Number.NaN);
      metrics.sourceSafeBytes.for({ source }).set(safeBytes ?? Number.POSITIVE_INFINITY);
    }
    for (const { name: subscription, ...figures } of subscriptions) {
      metrics.subscriptionLag.for({ subscription }).set(figures.lag);
      const { log } = options.sources.get(figures.source) ?? { log: undefined };
      const told = sources.find(({ name }) => name === figures.source)?.log;
      const average = told === undefined ? 0 : told.bytes / Math.max(1, told.head - told.floor);
      metrics.subscriptionLagBytes.for({ subscription }).set(Math.round(figures.lag * average));
      const age = await ageAt(log, figures.cursor);
      metrics.subscriptionLagSeconds.for({ subscription }).set(age);
      metrics.subscriptionCatchUp.for({ subscription }).set(figures.caughtUpIn ?? Number.NaN);
      metrics.deliveryInFlight.for({ subscription }).set(figures.inFlight);
      metrics.deliveryRetrying.for({ subscription }).set(figures.retrying);
      metrics.deliveryBlocked.for({ subscription }).set(figures.blocked);
      metrics.deliveryParked.for({ subscription }).set(figures.parked);
      metrics.deliveryStuck.for({ subscription }).set(figures.stuck);
    }
    metrics.dataFreeBytes.for({}).set(await freeBytes(options.dataDir));
  });
}

/** Seconds since the commit of the first change at or after this offset; 0 when there is none. */
async function ageAt(log: LogReader | undefined, offset: number): Promise<number> {
  if (log === undefined || offset >= log.head) return 0;
  const page = await log.read({ from: Math.max(offset, log.floor), limit: 1 });
  const committedAt = page.records[0]?.transaction.committedAt;
  return committedAt === undefined ? 0 : Math.max(0, Date.now() / 1000 - committedAt / 1e6);
}
