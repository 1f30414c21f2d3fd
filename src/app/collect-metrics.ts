import type { LogReader } from '../log/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { freeBytes } from './free-space.ts';
import type { Status } from './status.ts';

/** Sets, at each exposition, the figures that the status has anyway. */
export function collectFromStatus(
  metrics: Metrics,
  options: {
    readonly dataDir: string;
    readonly status: () => Promise<Status>;
    /** By source. */
    readonly logs: ReadonlyMap<string, LogReader>;
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
      metrics.sourceSafeBytes.for({ source }).set(safeBytes ?? Number.POSITIVE_INFINITY);
    }
    for (const { name: subscription, ...figures } of subscriptions) {
      metrics.subscriptionLag.for({ subscription }).set(figures.lag);
      const age = await ageAt(options.logs.get(figures.source), figures.cursor);
      metrics.subscriptionLagSeconds.for({ subscription }).set(age);
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
