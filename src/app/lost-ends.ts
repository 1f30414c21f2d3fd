import type { Config } from '../config/define-config.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { LostBeginning } from '../log/sqlite/stated-floor.ts';
import type { StateReader } from '../state/state.ts';
import { shellWord } from '../errors/shell-word.ts';
import { logDirectory } from './adapters.ts';

/** The error that says which of a log's oldest records are gone; null when none are. */
export function beginningLost(
  config: Config,
  source: string,
  lostBeginning: LostBeginning | null,
): TidingsError | null {
  if (lostBeginning === null) return null;
  const { from, to: floor } = lostBeginning;
  const path = logDirectory(config, source);
  return new TidingsError('LOG_BEGINNING_LOST', { source, from, floor, path });
}

/**
 * The error that says that a log ends before what a subscription has had of it; null when it does not.
 * To go on would give the same offsets to other changes (invariant 3), and who waits behind the head
 * would pass over them.
 * @param furthest what the state says; where a service runs, read before the head was.
 */
export function endLost(
  config: Config,
  source: string,
  head: number,
  furthest: Awaited<ReturnType<StateReader['furthest']>>,
): TidingsError | null {
  if (furthest === null || furthest.cursor <= head) return null;
  const { dataDir } = config;
  return new TidingsError('LOG_END_LOST', {
    source,
    head,
    subscription: furthest.name,
    known: furthest.cursor - 1,
    path: logDirectory(config, source),
    dataDir: shellWord(dataDir),
    moved: shellWord(`${dataDir}.incomplete`),
  });
}
