import type { SourceStatus } from '../../source.ts';
import { lsnToPosition } from '../wire/position.ts';
import { lossOf, type Slot } from './slot.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** What the server keeps for a slot, and how far its reader is behind. */
export async function readStatus(
  session: SqlSession,
  slot: Slot | null,
  signal: AbortSignal,
): Promise<SourceStatus> {
  const [row] = await session.query<{
    head: string;
    bytes: string;
    retained: string | null;
    lag: string | null;
  }>(
    {
      text: `SELECT head::text, pg_wal_lsn_diff(head, '0/0')::text AS bytes,
          pg_wal_lsn_diff(head, $1)::text AS retained,
          pg_wal_lsn_diff(head, $2)::text AS lag
        FROM pg_current_wal_lsn() AS head`,
      values: [slot?.restart_lsn ?? null, slot?.confirmed_flush_lsn ?? null],
    },
    signal,
  );
  return {
    head: row === undefined ? null : lsnToPosition(row.head),
    walBytes: toBytes(row?.bytes),
    retainedBytes: toBytes(row?.retained),
    lagBytes: toBytes(row?.lag),
    safeBytes: slot?.safe_wal_size ?? null,
    state: slot === null ? 'missing' : lossOf(slot) === null ? slot.wal_status : 'lost',
  };
}

/** A slot can be ahead of the server's write position for a moment. */
function toBytes(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Math.max(0, Number(text));
}
