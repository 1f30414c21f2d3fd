import type { VisibilitySnapshot } from '../../source.ts';

const SNAPSHOT = /^(\d+):(\d+):((?:\d+(?:,\d+)*)?)$/;
const EPOCH = 2 ** 32;

/** Asks which transactions a fresh read sees. Named, because it is asked once per burst. */
export const SNAPSHOT_STATEMENT = {
  name: 'tidings_visibility',
  text: 'SELECT pg_current_snapshot()::text AS snapshot',
} as const;

/**
 * Reads `xmin:xmax:xip,…` as `pg_current_snapshot()` prints it. Its ids have 64 bits; those in the
 * WAL are their lower 32 bits, and mean the transaction nearest to the snapshot.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT-PARTS
 * @throws RangeError when the text is none.
 */
export function parseSnapshot(text: string): VisibilitySnapshot {
  const match = SNAPSHOT.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is no snapshot`);
  const [, lower = '', upper = '', list = ''] = match;
  // 64-bit ids as numbers: exact up to 2^53, which at a million transactions a second is 285 years.
  const [xmin, xmax] = [Number(lower), Number(upper)];
  const running = new Set(list === '' ? [] : list.split(',').map(Number));
  return {
    visible(transactionId) {
      const id = nearest(Number(transactionId), xmax);
      return id < xmin || (id < xmax && !running.has(id));
    },
    inProgress: [...running].map((id) => String(id % EPOCH)),
  };
}

/** The 64-bit id with these lower 32 bits that is less than 2^31 away. */
function nearest(id: number, reference: number): number {
  const candidate = reference - (reference % EPOCH) + id;
  if (candidate - reference > EPOCH / 2) return candidate - EPOCH;
  if (reference - candidate > EPOCH / 2) return candidate + EPOCH;
  return candidate;
}
