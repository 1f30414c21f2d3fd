import type { Logger } from '../../observe/logger.ts';
import type { State } from '../../state/state.ts';
import { sleep } from '../../util/sleep.ts';
import type { Status } from './status.ts';

/** How often the service writes down how it does; milliseconds. `tidings status` is that fresh. */
const PAUSE = 1_000;

/** Writes the service's status where other processes find it, until the signal aborts. */
export async function writeHeartbeats(options: {
  readonly state: State;
  readonly startedAt: number;
  readonly status: () => Promise<Status>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { state, startedAt, signal, logger } = options;
  while (!signal.aborted) {
    try {
      const status = JSON.stringify(await options.status());
      await state.beat({ pid: process.pid, startedAt, at: Date.now(), status });
    } catch (error) {
      // A full disk, most likely: the service goes on, and other processes see an older status.
      logger.debug('The status could not be written down', { error });
    }
    await sleep(PAUSE, signal);
  }
}
