import type { MarkCapture, MarkKind, PartitionLink, TableMark } from '../../../change/mark.ts';
import type { TablePatterns } from '../../../change/table-pattern.ts';
import { affectedBody } from './affected-relations.ts';
import { announcementsTable } from './announcements-table.ts';
import type { TextReader } from '../connection/database-text.ts';
import type { PublicationNames, TablesQuery } from '../setup/captured-tables.ts';
import { FieldReader } from '../wire/decode-bytes.ts';
import type { MessageBytes } from '../wire/decode-context.ts';
import { lsnToPosition } from '../wire/position.ts';
import { cutLinkSql, IS_CUT, linksSql, madeLinkSql } from './partition-links.ts';
import { quoteLiteral } from '../quote.ts';
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

/** The ids in the WAL have 32 bits. */
const OWN_XID = `(pg_current_xact_id()::text::numeric % 4294967296)::text`;

/** How an announcement comes about. */
interface Announcing {
  /** A SELECT of the oids of the relations that may have changed. */
  readonly among: string;
  /**
   * True in the transaction that changes them. Else the change is only noticed, and when it was is not
   * known.
   */
  readonly exact: boolean;
}

/**
 * An INSERT of the descriptions that are new, returning `relation`, `before` and `description`; the
 * description of a relation that is not captured any more is null.
 */
function announceSql(
  source: string,
  patterns: TablePatterns,
  { among, exact }: Announcing,
): string {
  const table = announcementsTable(source);
  const writer = exact ? 'a.xmin' : 'NULL::xid';
  return `
WITH present AS (
  SELECT d.relation, d.description, d.touched
  FROM (${descriptionsSql(patterns, { of: 'these relations', among })}) d
), known AS (
  SELECT c.oid AS relation, k.description, k.writer FROM (${among}) c (oid)
  CROSS JOIN LATERAL (SELECT a.description, ${writer} AS writer FROM ${table} a
    WHERE a.relation = c.oid ORDER BY a.lsn DESC LIMIT 1) k
), news AS (
  SELECT p.relation, k.description AS before, p.description,
    ${exact ? `NOT (${missedSql('p', 'k')})` : 'false'} AS exact
  FROM present p LEFT JOIN known k ON k.relation = p.relation
  WHERE k.description IS DISTINCT FROM p.description
  UNION ALL
  SELECT k.relation, k.description, NULL, ${String(exact)} FROM known k
  WHERE k.description IS NOT NULL
    AND NOT EXISTS (SELECT FROM present p WHERE p.relation = k.relation)
), here AS MATERIALIZED (
  SELECT pg_current_wal_insert_lsn() AS lsn
), written AS (
  INSERT INTO ${table} AS a (relation, lsn, xid, exact, description)
  SELECT n.relation, h.lsn, ${OWN_XID}, n.exact, n.description FROM news n, here h
  ON CONFLICT (relation, lsn) DO UPDATE SET description = EXCLUDED.description
  RETURNING a.relation, a.lsn
)
SELECT n.relation, n.before, n.description, w.lsn
FROM news n JOIN written w ON w.relation = n.relation`;
}

/** Announces what has become of the relations with the oids `$1`, so far as it is new. */
export function announceNoticedSql(source: string, patterns: TablePatterns): string {
  return announceSql(source, patterns, { among: 'SELECT unnest($1::oid[])', exact: false });
}

/**
 * Whether the key is another one since the last announcement, and not by this transaction: then
 * something was not announced (the event trigger was off, or could not), and what held in between is
 * not known. Ids of transactions grow, and so their age shrinks.
 */
function missedSql(present: string, known: string): string {
  return `EXISTS (SELECT FROM jsonb_array_elements_text(NULLIF(${present}.touched -> 'key', 'null')) t (id)
      WHERE age(t.id::xid) < age(${known}.writer) AND age(t.id::xid) > age(pg_current_xact_id()::xid))`;
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
  /** When the marks were announced; microseconds since 1970-01-01 UTC. */
  readonly at?: number;
}

/** A relation by number and name, as SQL gives it. */
type Named = RelationDescription['root'];

/** A {@link PartitionLink} as SQL gives it. */
export interface AnnouncedLink extends Named {
  readonly parent: { readonly schema: string; readonly name: string };
  /** Null when it does not hang there any more. */
  readonly bounds: string | null;
}

/** A partition that came or went with its rows. */
export interface AnnouncedMark {
  readonly kind: MarkKind;
  readonly root: Named;
  readonly partition: Named;
  readonly links?: readonly AnnouncedLink[] | null;
  readonly link?: AnnouncedLink | null;
  readonly capture?: MarkCapture;
  /** False when the command at hand is not what did it, or not all of it: see `IS_CUT`. */
  readonly exact?: boolean;
}

/** The mark that an announced one is. */
export function toMark(announced: AnnouncedMark): TableMark {
  const { kind, root, partition, links, link, capture, exact } = announced;
  const { schema, name, oid } = partition;
  return {
    schema: root.schema,
    name: root.name,
    origin: String(root.oid),
    kind,
    partition: { id: String(oid), schema, name },
    ...(links === undefined || links === null ? {} : { links: links.map(toLink) }),
    ...(link === undefined || link === null ? {} : { link: toLink(link) }),
    // What it was captured by in the meantime is not known.
    ...(capture === undefined || exact === false ? {} : { capture }),
  };
}

export function toLink({ oid, bounds, ...names }: AnnouncedLink): PartitionLink {
  return { id: String(oid), ...names, ...(bounds === null ? {} : { bounds }) };
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

/**
 * The part of the event trigger's function that announces: PL/pgSQL over these variables.
 *
 * A transaction with one snapshot for all its statements does not see what others have done to the
 * catalogue since, although its commands build on it. So it can only announce that something changed
 * (invariant 14).
 */
export function announceBody(source: string, { patterns, names }: TablesQuery): string {
  const news = announceSql(source, patterns, {
    among: 'SELECT unnest(affected)',
    exact: true,
  });
  return `${affectedBody(source)}
  IF current_setting('transaction_isolation') LIKE 'read %' THEN
    FOR announced IN ${news}
    LOOP
      relations := relations || announced.relation::bigint;
      reached := announced.lsn;
      marks := marks || ${marksSql(names)};
    END LOOP;
  ELSIF affected <> '{}' THEN
    relations := affected::bigint[];
    reached := pg_current_wal_insert_lsn();
    INSERT INTO ${announcementsTable(source)} AS a (relation, lsn, xid, exact, description)
    SELECT c.oid, reached, ${OWN_XID}, true, NULL FROM unnest(affected) c (oid)
    ON CONFLICT (relation, lsn) DO UPDATE SET description = NULL;
  END IF;
  IF reached IS NOT NULL THEN
    ${emitSql(source, `'[]'::jsonb`)}
  END IF;`;
}

/**
 * The part that announces the marks, once the publications have followed the command: what the
 * partitions are captured by from here on is part of it.
 */
export function announceMarksBody(source: string, names: PublicationNames): string {
  const now = captureSql(`(m ->> 'now')::oid`, names);
  const whole = `SELECT jsonb_agg(CASE WHEN m ? 'capture'
      THEN jsonb_set(m, '{capture,after}', COALESCE(to_jsonb(${now}), 'null')) ELSE m END)
    FROM jsonb_array_elements(marks) m`;
  return `
  IF marks <> '[]' THEN
    relations := '{}';
    ${emitSql(source, `(${whole})`)}
  END IF;`;
}

function emitSql(source: string, marks: string): string {
  return `PERFORM pg_logical_emit_message(true, ${quoteLiteral(ANNOUNCEMENT_PREFIX)}, jsonb_build_object(
      'source', ${quoteLiteral(source)}, 'lsn', reached, 'relations', relations, 'marks', ${marks},
      'at', (extract(epoch FROM clock_timestamp()) * 1e6)::bigint)::text);`;
}

/** What a table's changes are captured by, all of them: the number of its entry in the publication. */
function captureSql(table: string, { all }: PublicationNames): string {
  return `(SELECT e.oid::text FROM pg_publication_rel e JOIN pg_publication b ON b.oid = e.prpubid
    WHERE e.prrelid = ${table} AND b.pubname = ${quoteLiteral(all)})`;
}

/** The marks of one relation's news: rows that came or went with a partition. */
function marksSql(names: PublicationNames): string {
  const [relation, before, after] = [
    'announced.relation',
    'announced.before',
    'announced.description',
  ];
  const rootOf = (side: string): string => `(${side} #>> '{root,oid}')::oid`;
  const isPart = (side: string): string => `COALESCE(${rootOf(side)} <> ${relation}, false)`;
  const moved = `${rootOf(before)} IS DISTINCT FROM ${rootOf(after)}`;
  const mark = (kind: string, side: string, more: string): string =>
    `jsonb_build_array(jsonb_build_object('kind', ${kind}, 'root', ${side} -> 'root', 'partition',
      jsonb_build_object('oid', ${relation}::bigint, 'schema', ${side} -> 'schema', 'name', ${side} -> 'name'),
      'now', ${rootOf(after)}::bigint) || ${more})`;
  const capture = `jsonb_build_object('capture',
    jsonb_build_object('before', ${captureSql(rootOf(before), names)}, 'after', NULL))`;
  const gone = `CASE WHEN EXISTS (SELECT FROM pg_class c WHERE c.oid = ${relation}) THEN 'detached' ELSE 'dropped' END`;
  const madeLink = madeLinkSql(relation);
  const exact = `'exact', tg_tag <> 'ALTER TABLE' OR ${madeLink} IS NOT NULL OR ${IS_CUT}`;
  const cut = `jsonb_build_object('link', ${cutLinkSql(relation, rootOf(before))}, ${exact}) || ${capture}`;
  const made = `tg_tag IN ('CREATE TABLE', 'CREATE SCHEMA') AND EXISTS (
      SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.objid = ${relation})`;
  const links = `jsonb_build_object('links', ${linksSql(relation, rootOf(after))})`;
  const joined = `jsonb_build_object('link', ${madeLink}, ${exact}) || ${capture}`;
  return `CASE WHEN ${isPart(before)} AND ${moved} THEN ${mark(gone, before, cut)} ELSE '[]' END
      || CASE WHEN NOT (${isPart(after)} AND ${moved}) THEN '[]'
        WHEN ${made} THEN ${mark("'present'", after, links)}
        ELSE ${mark("'attached'", after, `${links} || ${joined}`)} END`;
}
