import { historyOf, sourcePosition } from '../change/position.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import type { Log } from '../log/log.ts';
import type { Source } from '../source/source.ts';
import { rewoundError } from './log-history.ts';

/**
 * Confirms that the database may be the upgraded one.
 * @returns what writes down that it is; null when it is written down already.
 * @throws TidingsError `SOURCE_CHANGED`
 */
export type AdoptIdentity = (identity: string) => Promise<(() => Promise<void>) | null>;

export interface UpgradeOptions {
  readonly source: Pick<Source, 'name' | 'identify' | 'carriedOver' | 'continuation'>;
  readonly log: Log;
  readonly adopt: AdoptIdentity;
  /** True when a gap is accepted after it, which begins at the log's end: then no slot is needed. */
  readonly gapFollows: boolean;
  readonly signal: AbortSignal;
}

/**
 * Goes on with a server that pg_upgrade has made: it has another identity, and positions of its own
 * that begin behind those of the old one. pg_upgrade refuses to carry over a slot that has something
 * left to send, so between the log's end and the slot's position nothing is missing.
 *
 * The identity comes last: after a crash in between it is all done again.
 * @throws TidingsError `SOURCE_CHANGED`, `SLOT_NOT_CARRIED_OVER`, `SLOT_IN_USE`, `SOURCE_REWOUND`.
 */
export async function acceptUpgrade(options: UpgradeOptions): Promise<void> {
  const { source, log, signal } = options;
  const writeDown = await options.adopt(await source.identify(signal));
  if (writeDown === null) return;
  const to = await carriedOver(options);
  const from = log.position;
  if (from !== null && to !== null && to < sourcePosition(from)) {
    const reason = 'the slot that was carried over ends before the log';
    throw await rewoundError(source.name, log, { abandoned: to, to, reason, complete: true });
  }
  // Its timelines begin anew, whatever the old server's were.
  const { lineage } = await source.continuation(null, signal);
  log.writer.lineage(lineage);
  if (to !== null) log.writer.reached(historyOf(from) + to);
  await log.writer.flush();
  await writeDown();
}

/** From where the source can deliver its changes; null when it cannot, and a gap says so. */
async function carriedOver(options: UpgradeOptions): Promise<string | null> {
  const { source, gapFollows, signal } = options;
  try {
    return await source.carriedOver(signal);
  } catch (cause) {
    if (!isNotCarriedOver(cause)) throw cause;
    if (gapFollows) return null;
    throw new TidingsError('SLOT_NOT_CARRIED_OVER', { source: source.name }, { cause });
  }
}

/** Whether an upgraded server lacks the slot, or has one that nothing can be read from. */
export function isNotCarriedOver(error: unknown): boolean {
  return isTidingsError(error, 'SLOT_MISSING') || isTidingsError(error, 'SLOT_INVALIDATED');
}
