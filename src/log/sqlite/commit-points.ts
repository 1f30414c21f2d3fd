/**
 * The moments between which a crash must lose nothing and show no part of a transaction, in the
 * order in which they are passed. Tests crash at each.
 *
 * A batch: 1 to 3. A new segment before it: 4 and 5, with 6 to 8 for the one before. A large
 * transaction: 9, then (instead of 2 and 3) 10, 5, 6 to 8. Retention: 11.
 */
export const LOG_COMMIT_POINTS = [
  /** The batch is in SQLite's transaction; nothing of it is durable. */
  'log 1: written',
  /** The batch is durable (SQLite's COMMIT has synced the WAL); the head has not moved. */
  'log 2: committed',
  /** Readers in this process see the batch. */
  'log 3: visible',
  /** The next segment exists whole, under a name that nobody looks at. */
  'log 4: segment prepared',
  /** The next segment has its name, durably. */
  'log 5: segment published',
  /** The segment before it has the rest of its key index; its WAL is still beside it. */
  'log 6: segment completed',
  /** All of its WAL is in the file. */
  'log 7: segment checkpointed',
  /** It is one plain file that never changes again. */
  'log 8: segment sealed',
  /** A piece of a large transaction is on disk, in a file that nobody looks at. */
  'log 9: piece written',
  /** The large transaction is on disk whole; its file still has no name. */
  'log 10: large transaction written',
  /** Retention has removed one segment; others may follow. */
  'log 11: segment removed',
] as const;

export type LogCommitPoint = (typeof LOG_COMMIT_POINTS)[number];

/** Told of each commit point as it is passed. */
export type OnCommitPoint = (point: LogCommitPoint) => void;
