import { announcedRootSql, announcementsTable } from './announcements-table.ts';

/** Everything that may be captured, as oids; those of the server itself are smaller. */
const EVERY_TABLE = `SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384`;

/**
 * PL/pgSQL of the event trigger's function that computes `affected oid[]`: the relations that the
 * command can have changed, as far as a description tells of them. All are looked at only after
 * commands that can drop anything; a look at each takes long where there are thousands.
 */
export function affectedBody(source: string): string {
  const table = announcementsTable(source);
  return `
  CASE
  WHEN tg_tag = 'DROP INDEX' THEN
    -- None that a key is made of: those are dropped with their constraints.
    affected := '{}';
  WHEN tg_tag = 'DROP TABLE' THEN
    SELECT COALESCE(array_agg(DISTINCT k.relation), '{}') INTO affected FROM ${table} k
    WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = k.relation);
  WHEN tg_tag IN ('ALTER TYPE', 'ALTER DOMAIN') THEN
    WITH RECURSIVE made (classid, objid) AS (
      SELECT d.classid, d.objid FROM pg_event_trigger_ddl_commands() d
      UNION
      SELECT part.classid, part.objid FROM made CROSS JOIN LATERAL (
        SELECT p.classid, p.objid FROM pg_depend p
        WHERE p.refclassid = made.classid AND p.refobjid = made.objid
          AND p.classid IN ('pg_class'::regclass, 'pg_type'::regclass)
        UNION ALL
        SELECT 'pg_type'::regclass, c.reltype FROM pg_class c
        WHERE made.classid = 'pg_class'::regclass AND c.oid = made.objid AND c.reltype <> 0) part
    )
    SELECT COALESCE(array_agg(DISTINCT c.oid), '{}') INTO affected
    FROM made JOIN pg_class c ON c.oid = made.objid AND c.relkind IN ('r', 'p')
    WHERE made.classid = 'pg_class'::regclass;
  WHEN tg_tag LIKE 'DROP %' THEN
    SELECT COALESCE(array_agg(found.oid), '{}') INTO affected
    FROM (${EVERY_TABLE} UNION SELECT k.relation FROM ${table} k) found;
  ELSE
    WITH RECURSIVE named AS MATERIALIZED (
      SELECT c.oid, c.relkind FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_index i ON i.indexrelid = d.objid
        JOIN pg_class c ON c.oid = COALESCE(i.indrelid, d.objid) AND c.relkind IN ('r', 'p')
      WHERE d.classid = 'pg_class'::regclass
      UNION
      SELECT c.oid, c.relkind FROM pg_event_trigger_ddl_commands() d
        JOIN pg_class c ON c.relnamespace = d.objid AND c.relkind IN ('r', 'p')
      WHERE d.classid = 'pg_namespace'::regclass
    ), below (oid) AS (
      SELECT n.oid FROM named n
      UNION SELECT i.inhrelid FROM below b JOIN pg_inherits i ON i.inhparent = b.oid
    )
    SELECT COALESCE(array_agg(found.oid), '{}') INTO affected FROM (
      SELECT b.oid FROM below b
      -- Those that were below it until now.
      UNION SELECT k.relation FROM (
          SELECT n.oid FROM named n WHERE n.relkind = 'p'
          UNION SELECT a.relid FROM named n CROSS JOIN LATERAL pg_partition_ancestors(n.oid) a
            WHERE n.relkind = 'p') above
        JOIN ${table} k ON ${announcedRootSql('k')} = above.oid) found;
  END CASE;`;
}

/**
 * PL/pgSQL that computes `placed oid[]`: the tables whose place in a publication may be another one
 * now. All, where that is not known.
 */
export const PLACED_BODY = `
  IF affected IS NOT NULL AND (tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA')
    OR (tg_tag = 'ALTER TABLE' AND NOT EXISTS (
      SELECT FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
      WHERE d.classid = 'pg_class'::regclass AND c.relkind = 'p'))) THEN
    SELECT COALESCE(array_agg(found.oid), '{}') INTO placed FROM (
      SELECT above.oid FROM (
        SELECT DISTINCT COALESCE(pg_partition_root(a.oid), a.oid) AS oid FROM unnest(affected) a (oid)) above
      UNION SELECT t.relid FROM unnest(affected) a (oid)
        CROSS JOIN LATERAL pg_partition_ancestors(a.oid) t
      UNION SELECT a.oid FROM unnest(affected) a (oid)) found;
  ELSE
    SELECT COALESCE(array_agg(found.oid), '{}') INTO placed FROM (${EVERY_TABLE}) found;
  END IF;`;
