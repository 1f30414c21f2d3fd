import type { SqlSession } from '../connection/sql-session.ts';

/** The server's settings and counters that limit capture. */
export interface ServerSettings {
  readonly maxSlots: number;
  /** Without those of REPACK (CONCURRENTLY), which come out of `max_repack_replication_slots`. */
  readonly usedSlots: number;
  readonly maxSenders: number;
  readonly usedSenders: number;
  /** Megabytes of WAL that slots may hold back; -1 when there is no bound. */
  readonly slotWalLimit: number;
  /** Milliseconds without feedback before the server ends a stream; 0 when it never does. */
  readonly senderTimeout: number;
  /** The protocol of this connection's encryption; null without any. */
  readonly tls: string | null;
}

export async function readSettings(
  session: SqlSession,
  signal: AbortSignal,
): Promise<ServerSettings> {
  const [settings] = await session.query<ServerSettings>(
    `SELECT (SELECT setting::int FROM pg_settings WHERE name = 'max_replication_slots') AS "maxSlots",
       (SELECT count(*)::int FROM pg_replication_slots
         WHERE plugin IS DISTINCT FROM 'pgrepack') AS "usedSlots",
       (SELECT setting::int FROM pg_settings WHERE name = 'max_wal_senders') AS "maxSenders",
       (SELECT count(*)::int FROM pg_stat_get_wal_senders()) AS "usedSenders",
       (SELECT setting::int FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS "slotWalLimit",
       (SELECT setting::int FROM pg_settings WHERE name = 'wal_sender_timeout') AS "senderTimeout",
       (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) AS "tls"`,
    signal,
  );
  if (settings === undefined) throw new Error('The server does not know its settings');
  return settings;
}
