import type { MarkKind } from '../../change/mark.ts';
import type { TablePatterns } from '../../change/table-pattern.ts';
import { OWN_SCHEMA } from './captured-tables.ts';
import type { TextReader } from './database-text.ts';
import { FieldReader } from './decode-bytes.ts';
import type { MessageBytes } from './decode-context.ts';
import { ownName } from './names.ts';
import { lsnToPosition } from './position.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import { descriptionsSql, type RelationDescription } from './relation-description.ts';

/*
 * What the event trigger's function says of the captured relations, in the transaction that changes
 * them: their descriptions go into a table, with the place in the WAL from which on they hold, and a
 * message in the stream says where within its own transaction that is. So whoever reads a change
 * later, however late, finds what the relation was when it was made (invariant 14).
 *
 * A command that changes a table has locked it. What a transaction did to the table's rows before the
 * command, it committed before the command ran; what it did after, it committed after. Thus the
 * position of a transaction's commit decides which description holds for it; only within the
 * transaction of the command itself does it take the message.
 */

/** The prefix of the messages; the source's name is in their text, because a database may have several. */
export const ANNOUNCEMENT_PREFIX = 'tidings tables';

/** The table of a source's announcements. */
export function announcementsTable(source: string): string {
  return `${quoteIdentifier(OWN_SCHEMA)}.${quoteIdentifier(announcementsName(source))}`;
}

function announcementsName(source: string): string {
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

export function createAnnouncementsSql(source: string): string {
  return `CREATE TABLE IF NOT EXISTS ${announcementsTable(source)} (
  relation oid NOT NULL, lsn pg_lsn NOT NULL, xid text NOT NULL, exact boolean NOT NULL,
  description jsonb, PRIMARY KEY (relation, lsn));
GRANT SELECT ON ${announcementsTable(source)} TO PUBLIC;`;
}

export function dropAnnouncementsSql(source: string): string {
  return `DROP TABLE IF EXISTS ${announcementsTable(source)};`;
}

/** The ids in the WAL have 32 bits. */
const OWN_XID = `(pg_current_xact_id()::text::numeric % 4294967296)::text`;

/**
 * An INSERT of the descriptions that are new, returning `relation`, `before` and `description`; the
 * description of a relation that is not captured any more is null.
 * @param changed a condition on the oids of those that may have changed. Given in the transaction that
 *   changes them; without it the change is only noticed, and when it was is not known.
 */
export function announceSql(
  source: string,
  patterns: TablePatterns,
  changed?: (oid: string) => string,
): string {
  const table = announcementsTable(source);
  const exact = changed !== undefined;
  const present = descriptionsSql(
    patterns,
    exact ? { of: 'trees', condition: changed } : { of: 'every relation' },
  );
  return `
WITH present AS (${present}
), known AS (
  SELECT DISTINCT ON (a.relation) a.relation, a.description FROM ${table} a
  ORDER BY a.relation, a.lsn DESC
), news AS (
  SELECT p.relation, k.description AS before, p.description
  FROM present p LEFT JOIN known k ON k.relation = p.relation
  WHERE k.description IS DISTINCT FROM p.description
  UNION ALL
  SELECT k.relation, k.description, NULL FROM known k LEFT JOIN pg_class l ON l.oid = k.relation
  WHERE k.description IS NOT NULL AND (l.oid IS NULL OR (${exact ? changed('l.oid') : 'true'}
    AND NOT EXISTS (SELECT FROM present p WHERE p.relation = k.relation)))
), here AS MATERIALIZED (
  SELECT pg_current_wal_insert_lsn() AS lsn
), written AS (
  INSERT INTO ${table} AS a (relation, lsn, xid, exact, description)
  SELECT n.relation, h.lsn, ${OWN_XID}, ${String(exact)}, n.description FROM news n, here h
  ON CONFLICT (relation, lsn) DO UPDATE SET description = EXCLUDED.description
  RETURNING a.relation, a.lsn
)
SELECT n.relation, n.before, n.description, w.lsn
FROM news n JOIN written w ON w.relation = n.relation`;
}

/** Forgets what no change can need any more that is still to be sent. */
export function pruneAnnouncementsSql(source: string): string {
  const table = announcementsTable(source);
  return `DELETE FROM ${table} a WHERE EXISTS (SELECT FROM ${table} b
    WHERE b.relation = a.relation AND b.lsn > a.lsn AND b.lsn < $1::pg_lsn)`;
}

/** One row of the table of announcements. */
export interface Announcement {
  /** Where it holds from: the position of the command that it describes the outcome of. */
  readonly position: string;
  /** The id of the command's transaction. */
  readonly transaction: string;
  readonly exact: boolean;
  /** Null when the relation was dropped, or is not captured any more. */
  readonly description: RelationDescription | null;
}

/** All announcements of a relation, oldest first. */
export const announcementsSql = (source: string): string =>
  `SELECT lsn::text, xid, exact, description FROM ${announcementsTable(source)}
   WHERE relation = $1 ORDER BY ${announcementsTable(source)}.lsn`;

export interface AnnouncementRow {
  readonly lsn: string;
  readonly xid: string;
  readonly exact: boolean;
  readonly description: RelationDescription | null;
}

export function toAnnouncement({ lsn, xid, exact, description }: AnnouncementRow): Announcement {
  return { position: lsnToPosition(lsn), transaction: xid, exact, description };
}

/** A message of the event trigger. */
export interface AnnouncementMessage {
  readonly source: string;
  readonly position: string;
  /** Relations whose descriptions change here. */
  readonly relations: readonly number[];
  readonly marks: readonly AnnouncedMark[];
}

/** A partition that came or went with its rows. */
export interface AnnouncedMark {
  readonly kind: MarkKind;
  readonly root: RelationDescription['root'];
  readonly partition: RelationDescription['root'];
}

const FLAG_TRANSACTIONAL = 1;

/**
 * Reads a logical decoding Message, without its type byte.
 * @param read for the content, which comes in the database's encoding.
 * @returns null when it is somebody else's.
 */
export function readAnnouncement(
  { bytes, start, end }: MessageBytes,
  read: TextReader,
): AnnouncementMessage | null {
  const fields = new FieldReader(bytes, start, end);
  const transactional = (fields.uint8() & FLAG_TRANSACTIONAL) !== 0;
  fields.skip(8);
  if (fields.text() !== ANNOUNCEMENT_PREFIX || !transactional) return null;
  const text = read(fields.take(fields.uint32()));
  try {
    const { lsn, ...rest } = JSON.parse(text) as AnnouncementMessage & { readonly lsn: string };
    return { ...rest, position: lsnToPosition(lsn) };
  } catch {
    // Anybody may emit messages, and none may stop capture: one that is no announcement is nobody's.
    return null;
  }
}

export const ANNOUNCE_VARIABLES = `
  announced record;
  affected oid[];
  relations bigint[] := '{}';
  marks jsonb := '[]';
  reached pg_lsn;`;

/** The part of the event trigger's function that announces: PL/pgSQL over these variables. */
export function announceBody(source: string, patterns: TablePatterns): string {
  const news = announceSql(source, patterns, isAffected);
  return `${affectedBody(source)}
  FOR announced IN ${news}
  LOOP
    relations := relations || announced.relation::bigint;
    reached := announced.lsn;
    marks := marks || ${marksSql('announced.relation', 'announced.before', 'announced.description')};
  END LOOP;
  IF reached IS NOT NULL THEN
    PERFORM pg_logical_emit_message(true, ${quoteLiteral(ANNOUNCEMENT_PREFIX)}, jsonb_build_object(
      'source', ${quoteLiteral(source)}, 'lsn', reached, 'relations', relations, 'marks', marks)::text);
  END IF;`;
}

/**
 * The relations that a command can have changed: those that it names with their relatives in a tree
 * of partitions; none that is still there when it drops tables; and all when it is about a type or a
 * schema.
 */
const isAffected = (oid: string): string => `(affected IS NULL OR ${oid} = ANY (affected))`;

/** PL/pgSQL that computes `affected oid[]`; null stands for all. */
function affectedBody(source: string): string {
  return `
  IF tg_tag = 'DROP TABLE' THEN
    affected := '{}';
  ELSIF tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE') THEN
    SELECT COALESCE(array_agg(DISTINCT found.oid), '{}') INTO affected FROM (
      SELECT COALESCE(i.indrelid, d.objid) AS oid FROM pg_event_trigger_ddl_commands() d
        LEFT JOIN pg_index i ON i.indexrelid = d.objid
        WHERE d.classid = 'pg_class'::regclass) named
      CROSS JOIN LATERAL (
        SELECT named.oid
        UNION SELECT t.relid FROM pg_partition_tree(COALESCE(pg_partition_root(named.oid), named.oid)) t
        UNION SELECT k.relation FROM ${announcementsTable(source)} k
          WHERE (k.description #>> '{root,oid}')::oid IN (
            SELECT named.oid UNION SELECT a.relid FROM pg_partition_ancestors(named.oid) a)) found;
  END IF;`;
}

/** The marks of one relation's news: rows that came or went with a partition. */
function marksSql(relation: string, before: string, after: string): string {
  const isPart = (side: string): string =>
    `COALESCE((${side} #>> '{root,oid}')::oid <> ${relation}, false)`;
  const left = `${isPart(before)} AND (${before} -> 'root' -> 'oid') IS DISTINCT FROM (${after} -> 'root' -> 'oid')`;
  const came = `${isPart(after)} AND (${before} -> 'root' -> 'oid') IS DISTINCT FROM (${after} -> 'root' -> 'oid')`;
  const mark = (kind: string, side: string): string =>
    `jsonb_build_array(jsonb_build_object('kind', ${kind}, 'root', ${side} -> 'root', 'partition',
      jsonb_build_object('oid', ${relation}::bigint, 'schema', ${side} -> 'schema', 'name', ${side} -> 'name')))`;
  const gone = `CASE WHEN EXISTS (SELECT FROM pg_class c WHERE c.oid = ${relation}) THEN 'detached' ELSE 'dropped' END`;
  const made = `CASE WHEN tg_tag = 'CREATE TABLE' AND EXISTS (
      SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.objid = ${relation})
    THEN 'present' ELSE 'attached' END`;
  return `CASE WHEN ${left} THEN ${mark(gone, before)} ELSE '[]' END
      || CASE WHEN ${came} THEN ${mark(made, after)} ELSE '[]' END`;
}
