import { isTidingsError } from '../../errors/tidings-error.ts';
import type { LogReader } from '../../log/log.ts';

/**
 * Reads what a log still has from an offset on. Retention may remove the beginning while it is read:
 * then the reading begins again where the log begins by then.
 * @param read reads from an offset on.
 */
export async function readWhatIsLeft<Found>(
  log: LogReader,
  from: number,
  read: (from: number) => Promise<Found>,
): Promise<Found> {
  for (;;) {
    const begin = Math.max(from, log.floor);
    try {
      return await read(begin);
    } catch (error) {
      if (!isTidingsError(error, 'LOG_PRUNED') || log.floor <= begin) throw error;
    }
  }
}
