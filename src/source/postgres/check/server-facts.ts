import { TidingsError } from '../../../errors/tidings-error.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** What capture needs to know of the server and of the role it logs in as. */
export interface ServerFacts {
  /** 180004 is 18.4. */
  readonly version: number;
  readonly walLevel: string;
  /** True on a standby: it takes no publications. */
  readonly standby: boolean;
  readonly role: string;
  readonly database: string;
  readonly databaseOid: number;
  /** Of the database: `UTF8`, `LATIN1`, `SQL_ASCII`. */
  readonly encoding: string;
  readonly superuser: boolean;
  /** May open a replication connection and make slots. */
  readonly replication: boolean;
  /** May create publications in this database. */
  readonly mayCreate: boolean;
}

/** Amazon's hosted PostgreSQL gives the right to replicate by membership, all others by an attribute. */
const FACTS = `
  SELECT current_setting('server_version_num')::int AS "version",
    current_setting('wal_level') AS "walLevel",
    pg_is_in_recovery() AS "standby",
    current_user::text AS "role",
    current_database()::text AS "database",
    (SELECT oid FROM pg_database WHERE datname = current_database()) AS "databaseOid",
    current_setting('server_encoding') AS "encoding",
    r.rolsuper AS "superuser",
    r.rolsuper OR r.rolreplication OR EXISTS (
      SELECT FROM pg_roles g
      WHERE g.rolname = 'rds_replication' AND pg_has_role(g.oid, 'USAGE')) AS "replication",
    has_database_privilege(current_database(), 'CREATE') AS "mayCreate"
  FROM pg_roles r WHERE r.rolname = current_user`;

export const OLDEST_VERSION = 140_000;
/** From here on the first logical slot has the server write what decoding needs, without a restart. */
const RAISES_LEVEL_ITSELF = 190_000;

/** The version from which on logical slots can be kept on standbys. */
export const FAILOVER_SINCE = 170_000;

export async function readFacts(session: SqlSession, signal: AbortSignal): Promise<ServerFacts> {
  const [facts] = await session.query<ServerFacts>(FACTS, signal);
  if (facts === undefined) throw new Error('The server does not know its current user');
  return facts;
}

/** `18.4` */
export function versionText(version: number): string {
  return `${Math.floor(version / 10_000)}.${version % 10_000}`;
}

/**
 * The lowest `wal_level` with which this server can be captured. `effective_wal_level`, which
 * PostgreSQL 19 has beside it, would not do: it is `replica` until there is a slot.
 */
export function neededWalLevel({ version }: ServerFacts): 'logical' | 'replica' {
  return version < RAISES_LEVEL_ITSELF ? 'logical' : 'replica';
}

export function hasWalLevel(facts: ServerFacts): boolean {
  return facts.walLevel === 'logical' || facts.walLevel === neededWalLevel(facts);
}

/**
 * What has to be true before anything is made.
 * @throws TidingsError `SERVER_TOO_OLD`, `SOURCE_STANDBY`, `WAL_LEVEL`
 */
export function requireServer(source: string, facts: ServerFacts): void {
  if (facts.version < OLDEST_VERSION) {
    throw new TidingsError('SERVER_TOO_OLD', { source, version: versionText(facts.version) });
  }
  if (facts.standby) throw new TidingsError('SOURCE_STANDBY', { source });
  if (!hasWalLevel(facts)) {
    const needed = neededWalLevel(facts);
    throw new TidingsError('WAL_LEVEL', {
      source,
      level: facts.walLevel,
      needed,
      neededSql: needed,
    });
  }
}
