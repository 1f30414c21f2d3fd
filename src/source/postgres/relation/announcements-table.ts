import { OWN_SCHEMA } from '../setup/captured-tables.ts';
import { ownName } from '../names.ts';
import { quoteIdentifier, quoteLiteral } from '../quote.ts';

/** The table of a source's announcements. */
export function announcementsTable(source: string): string {
  return `${quoteIdentifier(OWN_SCHEMA)}.${quoteIdentifier(announcementsName(source))}`;
}

export function announcementsName(source: string): string {
  return `${ownName(source)}_relations`;
}

/**
 * Whether that table is there, and whether the role may read it; no row when it is not there. (Not by
 * `to_regclass`: that raises an error where the role may not look into the schema, and an earlier
 * version made the schema for its owner alone.)
 */
export function announcementsRightsSql(source: string): string {
  return `SELECT has_table_privilege(a.oid, 'SELECT') AND has_schema_privilege(an.oid, 'USAGE')
    FROM pg_class a JOIN pg_namespace an ON an.oid = a.relnamespace
    WHERE an.nspname = ${quoteLiteral(OWN_SCHEMA)} AND a.relname = ${quoteLiteral(announcementsName(source))}`;
}

/** The root's oid in an announcement; there is an index on it. */
export function announcedRootSql(alias: string): string {
  return `((${alias === '' ? '' : `${alias}.`}description #>> '{root,oid}')::oid)`;
}

export function createAnnouncementsSql(source: string): string {
  const table = announcementsTable(source);
  return `CREATE TABLE IF NOT EXISTS ${table} (
  relation oid NOT NULL, lsn pg_lsn NOT NULL, xid text NOT NULL, exact boolean NOT NULL,
  description jsonb, PRIMARY KEY (relation, lsn));
CREATE INDEX IF NOT EXISTS ${quoteIdentifier(`${ownName(source)}_roots`)} ON ${table} (${announcedRootSql('')});
GRANT SELECT ON ${table} TO PUBLIC;`;
}

export function dropAnnouncementsSql(source: string): string {
  return `DROP TABLE IF EXISTS ${announcementsTable(source)};`;
}

/** The tables that were captured when something was last announced of them, as `root`. */
export function announcedRootsSql(source: string): string {
  return `SELECT DISTINCT ${announcedRootSql('last')}::text AS root FROM (
    SELECT DISTINCT ON (a.relation) a.description FROM ${announcementsTable(source)} a
    ORDER BY a.relation, a.lsn DESC) last
  WHERE last.description IS NOT NULL`;
}

/** How many are looked at together; where there are more they are forgotten step by step. */
const MAX_SUPERSEDING = 1_000;

/** A row of the table that others stand behind: what is older of its relation may be forgotten later. */
export interface Superseding {
  readonly relation: string;
  readonly lsn: string;
}

/**
 * Announcements behind which older ones of their relation stand, and those that nothing follows
 * because the relation is gone; and a place in the WAL that all their transactions are before. What
 * was announced lies before its transaction's end, so its own position would not do: of that
 * transaction itself changes may be still to come that need the older one.
 */
export function supersedingSql(source: string): string {
  const table = announcementsTable(source);
  return `SELECT b.relation::text, b.lsn::text, pg_current_wal_insert_lsn()::text AS "end" FROM ${table} b
  WHERE b.description IS NULL
    OR EXISTS (SELECT FROM ${table} a WHERE a.relation = b.relation AND a.lsn < b.lsn)
  LIMIT ${MAX_SUPERSEDING}`;
}

/** Forgets what these announcements have superseded, and those of them that say that it is gone. */
export function pruneAnnouncementsSql(source: string): string {
  const table = announcementsTable(source);
  return `DELETE FROM ${table} a USING unnest($1::oid[], $2::pg_lsn[]) b (relation, lsn)
  WHERE a.relation = b.relation
    AND (a.lsn < b.lsn OR (a.lsn = b.lsn AND a.description IS NULL))`;
}
