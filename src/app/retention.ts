import type { LogConfig } from '../config/define-config.ts';
import type { Logger } from '../observe/logger.ts';
import type { LostDeliveries } from '../state/kept-record.ts';
import { sleep } from '../util/sleep.ts';
import type { LogHold } from './trimming/log-hold.ts';
import type { TrimLimits } from './trimming/plan-trim.ts';
import type { LogTrimmer } from './trimming/log-trimmer.ts';

/** How often old segments are looked for; milliseconds. Segments are large, so rarely is enough. */
const PAUSE = 60_000;

/** What the configuration wants of a log at this moment. */
export function retentionLimits({ maxAge, maxBytes, hard }: LogConfig['retention']): TrimLimits {
  const since = maxAge === null ? null : (Date.now() - maxAge) * 1_000;
  return { since, maxBytes, before: null, hard };
}

/** Applies retention now and then, until the signal aborts. */
export async function keepRetention(options: {
  readonly trimmer: LogTrimmer;
  readonly retention: LogConfig['retention'];
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Between two rounds; milliseconds. Default: a minute. */
  readonly pause?: number;
}): Promise<void> {
  const { trimmer, retention, logger, signal, pause = PAUSE } = options;
  let held = '';
  while (!signal.aborted) {
    const before = trimmer.floor;
    try {
      const { floor, hold, lost } = await trimmer.trim(retentionLimits(retention));
      if (floor > before) logger.info('Old segments were removed', { from: before, to: floor });
      tellLost(logger, lost);
      held = tellHold(logger, hold, held);
    } catch (error) {
      // Nothing was removed; the next round tries again.
      logger.warn('Old segments could not be removed', { error });
    }
    await sleep(pause, signal);
  }
}

/** Offsets of one line of the log; the state has all of them. */
const TOLD_OFFSETS = 20;

/** Says which records deliveries wait for in vain (invariant 11). */
export function tellLost(logger: Logger, lost: readonly LostDeliveries[]): void {
  for (const { subscription, offsets } of lost) {
    logger.error('Retention removed records that deliveries still needed', {
      subscription,
      records: offsets.length,
      offsets: offsets.slice(0, TOLD_OFFSETS),
    });
  }
}

/** Says who keeps the log beyond its limits, once as long as it is the same; returns who. */
function tellHold(logger: Logger, hold: LogHold | null, before: string): string {
  const holders = (hold?.holders ?? []).map(({ subscription, why }) => `${subscription} (${why})`);
  const now = holders.join(', ');
  if (hold !== null && now !== before) {
    const { wanted, bytes } = hold;
    logger.warn('The log is kept beyond its limits, because subscriptions need it', {
      wanted,
      bytes,
      holders: hold.holders,
    });
  } else if (hold === null && before !== '') {
    logger.info('The log is within its limits again');
  }
  return now;
}
