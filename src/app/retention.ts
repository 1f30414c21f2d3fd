import type { LogConfig } from '../config/define-config.ts';
import type { SqliteLog } from '../log/sqlite/sqlite-log.ts';
import { retainFrom } from '../log/sqlite/retention.ts';
import type { Logger } from '../observe/logger.ts';
import { sleep } from '../util/sleep.ts';

/** How often old segments are looked for; milliseconds. Segments are large, so rarely is enough. */
const PAUSE = 60_000;

export interface RetentionOptions {
  readonly log: SqliteLog;
  readonly retention: LogConfig['retention'];
  /** The lowest offset that a subscription needs, durably; null when there is none. */
  readonly neededFrom: () => Promise<number | null>;
}

/**
 * Removes the segments that are past their age or too many, but none that a subscription still needs
 * unless the limit is hard (invariant 11).
 * @returns the floor.
 */
export async function applyRetention(options: RetentionOptions): Promise<number> {
  const { log, retention } = options;
  const { maxAge, maxBytes, hard } = retention;
  if (maxAge === null && maxBytes === null) return log.floor;
  const from = retainFrom({
    segments: await log.segments(),
    now: Date.now() * 1000,
    maxAge: maxAge === null ? null : maxAge * 1000,
    maxBytes,
    needed: await options.neededFrom(),
    hard,
  });
  return from > log.floor ? await log.trim(from) : log.floor;
}

/** Applies retention now and then, until the signal aborts. */
export async function keepRetention(
  options: RetentionOptions & { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { logger, signal, log } = options;
  while (!signal.aborted) {
    const before = log.floor;
    try {
      const floor = await applyRetention(options);
      if (floor > before) logger.info('Old segments were removed', { from: before, to: floor });
    } catch (error) {
      // Nothing was removed; the next round tries again.
      logger.warn('Old segments could not be removed', { error });
    }
    await sleep(PAUSE, signal);
  }
}
