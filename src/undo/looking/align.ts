import { sourcePosition } from '../../change/position.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { SnapshotReader, SourceSnapshot } from '../../source/table-snapshot.ts';
import { sleep } from '../../util/sleep.ts';
import type { SearchableLog } from './searchable-log.ts';

/** A log that another process may be writing. */
export interface FollowedLog extends SearchableLog {
  /** Looks again how far the log goes. */
  refresh(): Promise<void>;
}

/** What is needed to bring a snapshot and the log together. */
export interface AlignOptions {
  readonly source: string;
  readonly log: FollowedLog;
  readonly snapshots: SnapshotReader;
  /** True while a service captures the source. */
  readonly isCapturing: () => boolean;
  /** How long the log may take to reach the snapshot; milliseconds. Default: 30 seconds. */
  readonly patience?: number;
}

/** Longer than a service that works takes, and short enough for somebody who waits. */
const PATIENCE = 30_000;
const PAUSE = 25;

/**
 * Takes a snapshot and waits until the log has everything that it shows.
 * @throws TidingsError `SOURCE_REWOUND` when the database has not come as far as the log,
 *   `LOG_BEHIND` when nobody captures what is missing, `LOG_LAGS` when it takes too long.
 */
export async function openAligned(
  options: AlignOptions,
  signal: AbortSignal,
): Promise<SourceSnapshot> {
  const { source, log } = options;
  await log.refresh();
  const from = sourcePosition(log.position ?? '');
  const snapshot = await options.snapshots.open(signal);
  const { position: to } = snapshot;
  try {
    if (from > to) {
      const reason = 'the server has not come as far as the log';
      const gone = 'what its rows were cannot be told from this log';
      throw new TidingsError('SOURCE_REWOUND', { source, from, to, reason, gone });
    }
    await reach(options, to, signal);
    return snapshot;
  } catch (error) {
    await snapshot[Symbol.asyncDispose]();
    throw error;
  }
}

async function reach(options: AlignOptions, position: string, signal: AbortSignal): Promise<void> {
  const { source, log, snapshots, patience = PATIENCE } = options;
  const deadline = Date.now() + patience;
  for (let announced = false; ;) {
    await log.refresh();
    const reached = log.position === null ? null : sourcePosition(log.position);
    if (reached !== null && reached >= position) return;
    if (!options.isCapturing()) {
      if (reached !== null && (await snapshots.unchangedSince(reached, signal))) return;
      // A service that has just started holds the slot, and the log will move.
      if (!options.isCapturing()) throw new TidingsError('LOG_BEHIND', { source });
    }
    if (!announced) await snapshots.announce(signal);
    announced = true;
    if (Date.now() > deadline) {
      throw new TidingsError('LOG_LAGS', { source, seconds: patience / 1000 });
    }
    await sleep(PAUSE, signal);
    signal.throwIfAborted();
  }
}

/** Transactions before an offset that are looked at; later ones than these cannot be missing alone. */
const LOOKED_AT = 1_000;

/**
 * True when the snapshot shows everything before an offset. A transaction is in the log a moment
 * before others see it.
 */
export async function showsAllBefore(
  snapshot: Pick<SourceSnapshot, 'includes'>,
  log: SearchableLog,
  offset: number,
): Promise<boolean> {
  for (let to = offset, looked = 0; looked < LOOKED_AT && to > log.floor;) {
    const page = await log.findTransactions({ to, limit: LOOKED_AT - looked });
    if (!page.transactions.every((transaction) => snapshot.includes(transaction))) return false;
    looked += page.transactions.length;
    to = page.next;
  }
  return true;
}
