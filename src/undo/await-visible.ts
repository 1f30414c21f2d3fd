import { TidingsError } from '../errors/tidings-error.ts';
import type { UndoTarget } from '../source/undo-target.ts';
import { sleep } from '../util/sleep.ts';
import { showsAllBefore } from './looking/align.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import type { Selection } from './selection.ts';

/** How long a commit may wait for its standby; milliseconds. */
const PATIENCE = 2_000;
const PAUSE = 50;

export interface AwaitVisibleOptions {
  readonly source: string;
  readonly log: SearchableLog;
  readonly target: Pick<UndoTarget, 'visibility'>;
}

/**
 * Waits until the database shows what is to be undone. A change is in the log a moment before, and
 * for longer when its commit waits for a synchronous standby; until then it would be taken for one
 * that is undone already.
 * @throws TidingsError `UNDO_NOT_VISIBLE`
 */
export async function awaitVisible(
  { source, log, target }: AwaitVisibleOptions,
  { to }: Selection,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await showsAllBefore(await target.visibility(signal), log, to))) {
    if (performance.now() > deadline) throw new TidingsError('UNDO_NOT_VISIBLE', { source });
    await sleep(PAUSE, signal);
    signal.throwIfAborted();
  }
}
