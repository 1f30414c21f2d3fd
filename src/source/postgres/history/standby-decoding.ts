import type { SqlSession } from '../connection/sql-session.ts';

/**
 * Whether the server's standbys lose every logical slot of theirs when this slot is dropped: since
 * PostgreSQL 19 a server with `wal_level = replica` writes what decoding needs for as long as it has
 * a logical slot, and stops with the last one.
 */
export async function endsStandbyDecoding(
  session: SqlSession,
  slot: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [found] = await session.query<{ readonly ends: boolean }>(
    {
      text: `SELECT current_setting('server_version_num')::int >= 190000
        AND current_setting('wal_level') <> 'logical'
        AND NOT EXISTS (
          SELECT FROM pg_replication_slots s
          WHERE s.slot_type = 'logical' AND s.slot_name <> $1
            AND to_jsonb(s) ->> 'invalidation_reason' IS NULL)
        AND (EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical')
          OR EXISTS (
            SELECT FROM pg_stat_get_wal_senders() w
            WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = w.pid))) AS ends`,
      values: [slot],
    },
    signal,
  );
  return found?.ends === true;
}
