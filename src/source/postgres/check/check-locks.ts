import type { TablePatterns } from '../../../change/table-pattern.ts';
import type { CheckResult } from '../../../observe/check-result.ts';
import { TABLES_PER_STATEMENT } from '../setup/publication.ts';
import { capturedRelationsSql } from '../relation/relation-description.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** The tables, measured against the table of locks that all sessions of the server share. */
export interface LockRoom {
  /** Tables and partitions that are captured. */
  readonly relations: number;
  /** How many locks there is room for. */
  readonly room: number;
  /** `max_locks_per_transaction`, of which the room is a multiple. */
  readonly perTransaction: number;
}

export async function readLockRoom(
  session: SqlSession,
  patterns: TablePatterns,
  signal: AbortSignal,
): Promise<LockRoom> {
  const [found] = await session.query<LockRoom>(
    `SELECT (SELECT count(*)::int FROM (${capturedRelationsSql(patterns)}) captured) AS "relations",
       s.each AS "perTransaction", s.each * s.sessions AS "room"
     FROM (SELECT current_setting('max_locks_per_transaction')::int AS each,
       current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int
         AS sessions) s`,
    signal,
  );
  if (found === undefined) throw new Error('The server does not know its settings');
  return found;
}

/** Whether the server's lock table is large enough for set-up, and for who has to touch all tables. */
export function checkLocks({ relations, room, perTransaction }: LockRoom): CheckResult {
  const name = 'locks';
  const wanted = (count: number): string => {
    const setting = Math.ceil((perTransaction * count) / room / 64) * 64;
    return `ALTER SYSTEM SET max_locks_per_transaction = ${setting};  -- then restart the server`;
  };
  const atOnce = Math.min(relations, TABLES_PER_STATEMENT);
  if (atOnce > room) {
    return {
      name,
      status: 'failed',
      message: `Tidings locks up to ${atOnce} tables at a time while it publishes them, and the server's lock table has room for ${room} locks.`,
      sql: wanted(2 * atOnce),
    };
  }
  if (relations <= room) {
    return {
      name,
      status: 'ok',
      message: `Tidings locks at most ${TABLES_PER_STATEMENT} tables at a time; the server has room for ${room} locks.`,
    };
  }
  return {
    name,
    status: 'warning',
    message: `${relations} tables and partitions are captured, and the server's lock table has room for ${room} locks. Tidings locks at most ${TABLES_PER_STATEMENT} at a time; whatever touches all of them in one transaction (pg_dump, DROP SCHEMA … CASCADE, DROP PUBLICATION by hand) may end with "out of shared memory".`,
    sql: wanted(2 * relations),
  };
}
