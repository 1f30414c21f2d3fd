import { quoteIdentifier } from '../quote.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/**
 * Setting `event_triggers` (PostgreSQL 17 and newer): where it is off no event trigger fires, not even
 * one that is ENABLE ALWAYS. Only superusers, and roles that were given the right, may set it.
 * https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-EVENT-TRIGGERS
 */
export const EVENT_TRIGGERS_FIRE = `COALESCE(current_setting('event_triggers', true)::boolean, true)`;

/** Sessions that begin with event triggers off. */
export interface Silenced {
  /** Whose they are, in words. */
  readonly sessions: string;
  /** SQL that has event triggers fire in them. */
  readonly sql: string;
}

/** What is known of them; a session can turn it off for itself, which nothing tells. */
export async function readSilenced(
  session: SqlSession,
  signal: AbortSignal,
): Promise<readonly Silenced[]> {
  const rows = await session.query<{ database: string | null; role: string | null }>(
    `SELECT d.datname AS "database", r.rolname AS "role"
     FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase
       LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c (setting)
     WHERE (s.setdatabase = 0 OR d.datname = current_database())
       AND c.setting ~ '^event_triggers=' AND NOT split_part(c.setting, '=', 2)::boolean
     ORDER BY 1, 2`,
    signal,
  );
  const [server] = await session.query<{ off: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'event_triggers' AND setting = 'off'
       AND source IN ('configuration file', 'command line', 'environment variable')) AS off`,
    signal,
  );
  const silenced = rows.map(silencedBy);
  if (server?.off === true) {
    const sql = 'ALTER SYSTEM SET event_triggers = on; SELECT pg_reload_conf();';
    silenced.push({ sessions: 'all sessions of the server', sql });
  }
  return silenced;
}

function silencedBy({
  database,
  role,
}: {
  readonly database: string | null;
  readonly role: string | null;
}): Silenced {
  const within = database === null ? '' : ` IN DATABASE ${quoteIdentifier(database)}`;
  if (role !== null) {
    const sql = `ALTER ROLE ${quoteIdentifier(role)}${within} RESET event_triggers;`;
    return { sessions: `role ${role}`, sql };
  }
  const whole = database ?? '';
  const sql = `ALTER DATABASE ${quoteIdentifier(whole)} RESET event_triggers;`;
  return { sessions: `all roles in database ${whole}`, sql };
}
