import type { CheckResult } from '../../../observe/check-result.ts';
import { quoteLiteral } from '../quote.ts';
import { FAILOVER_SINCE, versionText } from './server-facts.ts';
import type { Slot } from '../setup/slot.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** The standbys that a server knows of, and what it does for logical slots on them. */
export interface Standbys {
  /** Standbys that stream now, and slots that are kept for some. */
  readonly count: number;
  readonly slots: readonly { readonly name: string; readonly active: boolean }[];
  /** `synchronized_standby_slots`; null before PostgreSQL 17. */
  readonly synchronized: string | null;
}

/** A walsender that has no logical slot streams to a standby, or makes a base backup. */
const STANDBYS = `
  WITH physical AS (
    SELECT slot_name::text, active_pid FROM pg_catalog.pg_replication_slots
    WHERE slot_type = 'physical' AND NOT temporary
  )
  SELECT (SELECT count(*) FROM physical)::int + (SELECT count(*) FROM pg_catalog.pg_stat_get_wal_senders() w
      WHERE w.state = 'streaming' AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots s
        WHERE s.active_pid = w.pid))::int AS "count",
    COALESCE((SELECT json_agg(json_build_object('name', slot_name, 'active', active_pid IS NOT NULL)
      ORDER BY slot_name) FROM physical), '[]') AS "slots",
    pg_catalog.current_setting('synchronized_standby_slots', true) AS "synchronized"`;

export async function readStandbys(session: SqlSession, signal: AbortSignal): Promise<Standbys> {
  const [standbys] = await session.query<Standbys>(STANDBYS, signal);
  if (standbys === undefined) throw new Error('The server does not know its standbys');
  return standbys;
}

/** Whether a standby that takes over has the slot, and nothing less than what was told (invariant 15). */
export function* checkStandbys(
  source: string,
  version: number,
  { slot, standbys }: { readonly slot: Slot | null; readonly standbys: Standbys },
): Generator<CheckResult> {
  const { count, slots, synchronized } = standbys;
  const name = 'standbys';
  const waited = (synchronized ?? '')
    .split(',')
    .map(unquoted)
    .filter((each) => each !== '');
  const absent = waited.filter((each) => !slots.some((one) => one.name === each && one.active));
  if (absent.length > 0 && slot?.failover === true) {
    const list = absent.join(', ');
    yield {
      name,
      status: 'failed',
      message: `Changes wait for ${list}, which synchronized_standby_slots names and no standby streams from: nothing is captured until one does.`,
      fix: 'Start that standby, or take it out:',
      sql: waitForSql(waited.filter((each) => !absent.includes(each))),
    };
    return;
  }
  if (count === 0) return;
  const known = `The server has ${count === 1 ? 'a standby' : `${count} standbys`}`;
  if (version < FAILOVER_SINCE) {
    yield {
      name,
      status: 'warning',
      message: `${known}. PostgreSQL ${versionText(version)} keeps no logical slot on it: what is changed between its promotion and the next start of Tidings is not captured.`,
      fix: `tidings start --accept-gap ${source}   # after a failover; PostgreSQL 17 and newer keep the slot`,
    };
    return;
  }
  if (slot?.failover === false) {
    yield {
      name: 'failover slot',
      status: 'warning',
      message: `${known}, and slot ${slot.slot_name} is not kept on it: a standby that takes over would not have it.`,
      fix: `psql 'replication=database …' -c 'ALTER_REPLICATION_SLOT ${slot.slot_name} (FAILOVER true)'  -- while Tidings is stopped`,
    };
  }
  if (waited.length > 0) {
    const message = `${known}; changes are told when ${waited.join(', ')} has them.`;
    yield { name, status: 'ok', message };
    return;
  }
  yield {
    name,
    status: 'warning',
    message: `${known}, and synchronized_standby_slots is empty: changes are told that a standby does not have yet, and if it takes over then, they do not exist any more (SOURCE_REWOUND).`,
    ...(slots.length === 0
      ? {
          fix: 'Give each standby a slot (primary_slot_name), then name those: ALTER SYSTEM SET synchronized_standby_slots = …; SELECT pg_reload_conf();',
        }
      : { sql: waitForSql(slots.map((each) => each.name)) }),
  };
}

function waitForSql(slots: readonly string[]): string {
  return `ALTER SYSTEM SET synchronized_standby_slots = ${quoteLiteral(slots.join(', '))}; SELECT pg_reload_conf();`;
}

/** An element of a list of names in a setting. */
function unquoted(text: string): string {
  return text.trim().replace(/^"(.*)"$/, '$1');
}
