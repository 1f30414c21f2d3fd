import type { StartAt } from '../config/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LogReader } from '../log/log.ts';
import { logPruned } from '../log/log-pruned.ts';

/**
 * The offset meant by `at`, now.
 * @throws TidingsError `LOG_PRUNED` for an offset below the floor, `OFFSET_UNKNOWN` for one that is
 *   none or lies beyond the head.
 */
export async function resolveStart(log: LogReader, source: string, at: StartAt): Promise<number> {
  if (at === 'head') return log.head;
  if (at === 'floor') return log.floor;
  if (at instanceof Date) {
    if (Number.isNaN(at.getTime())) throw unknownOffset(log, source, 'Invalid Date');
    return await log.offsetAt(at.getTime() * 1_000);
  }
  if (!Number.isSafeInteger(at) || at < 0 || at > log.head) throw unknownOffset(log, source, at);
  if (at < log.floor) {
    throw logPruned({ offset: at, source, floor: log.floor });
  }
  return at;
}

function unknownOffset(
  log: LogReader,
  source: string,
  offset: number | string,
): TidingsError<'OFFSET_UNKNOWN'> {
  return new TidingsError('OFFSET_UNKNOWN', { offset, source, head: log.head });
}
