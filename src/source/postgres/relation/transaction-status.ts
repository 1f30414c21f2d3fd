import type { KnownTransaction, Parting } from '../../source-history.ts';
import { sqlState } from '../connection/source-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** Ids in the WAL, and so in the log, have 32 bits; the server counts on. */
const WHOLE_ID = `
  SELECT id, CASE WHEN whole > next AND whole - next > 2147483648 THEN whole - 4294967296 ELSE whole END AS whole
  FROM (SELECT id, next, next - next % 4294967296 + id::numeric AS whole
    FROM unnest($1::text[]) AS given (id),
      (SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::numeric AS next) n) each`;

/**
 * What the server knows of transactions that the log has. `status` is null for ids that it has
 * forgotten, and for those of its own past that it never gave out; where commit times are kept
 * (`track_commit_timestamp`) they tell two transactions of one id apart.
 */
const STATUS = `
  SELECT id, CASE WHEN whole >= 3 THEN pg_catalog.pg_xact_status(whole::text::xid8) END AS status,
    CASE WHEN pg_catalog.current_setting('track_commit_timestamp') = 'on' AND whole >= 3
      THEN (extract(epoch FROM pg_catalog.pg_xact_commit_timestamp(id::xid)) * 1000000)::bigint::text
    END AS committed
  FROM (${WHOLE_ID}) wanted`;

/** The server says so of an id that it has not given out yet. */
const IN_THE_FUTURE = '22023';

/**
 * Whether the server committed the log's newest transactions. One that it has rolled back, or has
 * not begun yet, is not of its history. That all of them are committed proves nothing: a history
 * that went back uses their ids again.
 * @param newest newest first.
 */
export async function findUncommitted(
  session: SqlSession,
  newest: readonly KnownTransaction[],
  signal: AbortSignal,
): Promise<Parting | null> {
  const oldestFirst = newest.toReversed();
  // So many of the oldest have an id that was given out; each answer halves the rest.
  let begun = 0;
  let rest = oldestFirst.length;
  let found: KnownTransaction | null = null;
  for (let count = rest; rest > 0; count = begun + Math.ceil(rest / 2)) {
    const suspect = await firstUncommitted(session, oldestFirst.slice(begun, count), signal);
    if (suspect === 'future') {
      if (count === begun + 1) break;
      rest = count - begun - 1;
    } else {
      found = suspect;
      if (found !== null) break;
      rest -= count - begun;
      begun = count;
    }
  }
  found ??= oldestFirst[begun] ?? null;
  if (found === null) return null;
  const { id, position } = found;
  const reason = `it has not committed transaction ${id}, which the log has`;
  return { abandoned: position, to: position, reason };
}

async function firstUncommitted(
  session: SqlSession,
  transactions: readonly KnownTransaction[],
  signal: AbortSignal,
): Promise<KnownTransaction | 'future' | null> {
  try {
    const rows = await session.query<{
      id: string;
      status: string | null;
      committed: string | null;
    }>({ text: STATUS, values: [transactions.map(({ id }) => id)] }, signal);
    const known = new Map(rows.map((row) => [row.id, row]));
    const suspect = transactions.find(({ id, committedAt }) => {
      const { status, committed } = known.get(id) ?? { status: null, committed: null };
      return status === 'aborted' || (committed !== null && Number(committed) !== committedAt);
    });
    return suspect ?? null;
  } catch (error) {
    if (sqlState(error) === IN_THE_FUTURE) return 'future';
    throw error;
  }
}
