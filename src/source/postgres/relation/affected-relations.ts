import { announcedRootSql, announcementsTable } from './announcements-table.ts';

/** Everything that may be captured, as oids; those of the server itself are smaller. */
const EVERY_TABLE = `SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384`;

/** Whether the index that was to identify a relation's rows is gone. */
const LOST_IDENTITY = `c.relkind IN ('r', 'p') AND c.relreplident = 'i'
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)`;

/** Relations that were announced and are not there any more. */
const goneSql = (announcements: string): string =>
  `SELECT k.relation FROM ${announcements} k WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = k.relation)`;

/**
 * Whether a row of the catalogue was written by this transaction, or by one that began after it: its
 * savepoints have later ids of their own.
 */
const isYoungSql = (alias: string): string =>
  `age(${alias}.xmin) <= age(pg_current_xact_id()::xid)`;

/** Whether the catalogue's rows of a relation and its columns were. */
const writtenSql = (oid: string): string =>
  `(EXISTS (SELECT FROM pg_class c WHERE c.oid = ${oid} AND ${isYoungSql('c')})
          OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = ${oid} AND a.attnum > 0 AND ${isYoungSql('a')}))`;

const CHANGED_COLUMNS = `SELECT 'pg_class'::regclass, a.attrelid FROM pg_attribute a
      WHERE a.attnum > 0 AND ${isYoungSql('a')}`;

/** The common table expression `made (classid, objid)`: these types and relations, and what is made of them. */
const madeOfSql = (seeds: string): string => `WITH RECURSIVE made (classid, objid) AS (
      ${seeds}
      UNION
      SELECT part.classid, part.objid FROM made CROSS JOIN LATERAL (
        SELECT p.classid, p.objid FROM pg_depend p
        WHERE p.refclassid = made.classid AND p.refobjid = made.objid
          AND p.classid IN ('pg_class'::regclass, 'pg_type'::regclass)
        UNION ALL
        SELECT 'pg_type'::regclass, c.reltype FROM pg_class c
        WHERE made.classid = 'pg_class'::regclass AND c.oid = made.objid AND c.reltype <> 0) part
    )`;

/** What a command that makes or alters something has changed; relations that it does not name among them. */
const namedSql = (announcements: string): string => `WITH RECURSIVE named AS MATERIALIZED (
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
    ), was_below (oid) AS (
      SELECT k.relation FROM (
          SELECT n.oid FROM named n WHERE n.relkind = 'p'
          UNION SELECT a.relid FROM named n CROSS JOIN LATERAL pg_partition_ancestors(n.oid) a
            WHERE n.relkind = 'p') above
        JOIN ${announcements} k ON ${announcedRootSql('k')} = above.oid
    ), every_one (needed) AS MATERIALIZED (
      -- What a partitioned table is called, and its key, is part of what its partitions are.
      SELECT tg_tag <> 'ALTER TABLE' OR EXISTS (
        SELECT FROM named n WHERE n.relkind = 'p' AND (${writtenSql('n.oid')}
          OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = n.oid AND ${isYoungSql('i')})
          OR (NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = n.oid AND i.indisprimary)
            AND EXISTS (SELECT FROM ${announcements} k WHERE ${announcedRootSql('k')} = n.oid
              AND jsonb_typeof(k.description -> 'key') = 'array'))))
    )
    SELECT COALESCE(array_agg(found.oid), '{}') INTO affected FROM (
      SELECT n.oid FROM named n
      UNION SELECT b.oid FROM (SELECT oid FROM below UNION SELECT oid FROM was_below) b
        CROSS JOIN every_one e WHERE e.needed OR ${writtenSql('b.oid')}
        -- What they are a part of came or went with them.
        OR EXISTS (SELECT FROM pg_partition_ancestors(b.oid) above JOIN pg_class c ON c.oid = above.relid
          WHERE ${isYoungSql('c')})
        OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = b.oid)) found;`;

/**
 * PL/pgSQL of the event trigger's function that computes `affected oid[]`: the relations that the
 * command can have changed, as far as a description or their place tells of them. None is described
 * that is not among them: where there are thousands, that takes long.
 */
export function affectedBody(source: string): string {
  const table = announcementsTable(source);
  return `
  CASE
  WHEN tg_tag = 'DROP INDEX' THEN
    -- None that a key is made of: those are dropped with their constraints.
    affected := '{}';
  WHEN tg_tag = 'DROP TABLE' THEN
    SELECT COALESCE(array_agg(DISTINCT k.relation), '{}') INTO affected FROM (${goneSql(table)}) k;
  WHEN tg_tag IN ('ALTER TYPE', 'ALTER DOMAIN') THEN
    ${madeOfSql('SELECT d.classid, d.objid FROM pg_event_trigger_ddl_commands() d')}
    SELECT COALESCE(array_agg(DISTINCT c.oid), '{}') INTO affected
    FROM made JOIN pg_class c ON c.oid = made.objid AND c.relkind IN ('r', 'p')
    WHERE made.classid = 'pg_class'::regclass;
  WHEN tg_tag LIKE 'DROP %' THEN
    ${madeOfSql(CHANGED_COLUMNS)}
    SELECT COALESCE(array_agg(found.oid), '{}') INTO affected FROM (
      SELECT c.oid FROM made JOIN pg_class c ON c.oid = made.objid AND c.relkind IN ('r', 'p')
      WHERE made.classid = 'pg_class'::regclass
      UNION ${goneSql(table)}
      -- Those that have lost their key.
      UNION SELECT k.relation FROM ${table} k
      WHERE jsonb_typeof(k.description -> 'key') = 'array' AND NOT EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = ${announcedRootSql('k')} AND i.indisprimary)
    ) found;
  ELSE
    ${namedSql(table)}
  END CASE;`;
}

/**
 * PL/pgSQL that computes `placed oid[]`, the tables whose place in a publication may be another one now,
 * and `whole`, see `tablesSql`. All, where it is not known what the command changed.
 */
export const PLACED_BODY = `
  whole := affected IS NULL OR NOT (
    tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA')
    OR (tg_tag = 'ALTER TABLE' AND NOT EXISTS (
      SELECT FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
      WHERE d.classid = 'pg_class'::regclass AND c.relkind = 'p')));
  IF affected IS NULL THEN
    SELECT COALESCE(array_agg(found.oid), '{}') INTO placed FROM (${EVERY_TABLE}) found;
  ELSE
    WITH worse (oid) AS (
      SELECT unnest(affected)
      UNION SELECT c.oid FROM pg_class c WHERE tg_tag LIKE 'DROP %' AND ${LOST_IDENTITY}
    )
    SELECT COALESCE(array_agg(found.oid), '{}') INTO placed FROM (
      SELECT DISTINCT COALESCE(pg_partition_root(w.oid), w.oid) AS oid FROM worse w
      UNION SELECT t.relid FROM worse w CROSS JOIN LATERAL pg_partition_ancestors(w.oid) t
      UNION SELECT w.oid FROM worse w) found;
  END IF;`;
