import {
  type LikePattern,
  type TablePatterns,
  toLikePatterns,
} from '../../../change/table-pattern.ts';
import { escapedNameSql, isConvertibleSql } from '../connection/convertible-name.ts';
import { treeSql } from '../relation/partition-tree.ts';
import { quoteLiteral } from '../quote.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** The schema that holds what Tidings makes in the database; its tables are never captured. */
export const OWN_SCHEMA = 'tidings';

/** The two publications of a source. */
export interface PublicationNames {
  /** Tables with a usable replica identity: all operations. */
  readonly all: string;
  /**
   * Tables without one: inserts and truncates. Were their updates and deletes published, PostgreSQL
   * would refuse the application's own `UPDATE` and `DELETE`.
   */
  readonly insertOnly: string;
}

/** A table that the patterns mean, or that is published although they don't. */
export interface CapturedTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly partitioned: boolean;
  readonly owner: string;
  readonly ownerIsSuperuser: boolean;
  /** True when the role owns the table, or is a member of its owner. */
  readonly owned: boolean;
  /** True when every update and delete says the whole old row. */
  readonly full: boolean;
  /** True when the table's own setting asks for full and a partition's does not: see `check.ts`. */
  readonly partlyFull: boolean;
  /** True when a column is computed on reading: then the whole row is no identity, see `usableSql`. */
  readonly virtual: boolean;
  readonly wantedInAll: boolean;
  readonly wantedInInsertOnly: boolean;
  readonly isInAll: boolean;
  readonly isInInsertOnly: boolean;
  /** True when only some of its rows are published. */
  readonly filtered: boolean;
  /** True when only some of its columns are published. */
  readonly narrowed: boolean;
}

/** What the query for {@link CapturedTable} depends on. */
export interface TablesQuery {
  readonly patterns: TablePatterns;
  readonly names: PublicationNames;
  /** True when new partitions are looked at in the transaction that makes them. */
  readonly triggered: boolean;
}

/** All tables of interest; one query on the catalogue. */
export function readTables(
  session: SqlSession,
  query: TablesQuery,
  signal: AbortSignal,
): Promise<readonly CapturedTable[]> {
  return session.query<CapturedTable>(tablesSql(query), signal);
}

/** True when the publications do not have the table as they should. */
export function isMisplaced(table: CapturedTable): boolean {
  return (
    table.wantedInAll !== table.isInAll ||
    table.wantedInInsertOnly !== table.isInInsertOnly ||
    !isWhole(table)
  );
}

/** True when all rows and columns of the table are published, if it is published at all. */
export function isWhole({ filtered, narrowed }: CapturedTable): boolean {
  return !filtered && !narrowed;
}

/**
 * The query as text without parameters, because the event trigger's function holds it too.
 *
 * Not meant, whatever the patterns say: system schemas, our own schema, members of extensions, and
 * what is not in the WAL (unlogged, temporary and foreign tables, views). Of a partitioned table only
 * the root counts, unless the patterns mean just the partition.
 * @param placed to look only at some.
 */
export function tablesSql({ patterns, names, triggered }: TablesQuery, placed?: Placed): string {
  const [all, insertOnly] = [quoteLiteral(names.all), quoteLiteral(names.insertOnly)];
  const some =
    placed === undefined ? '' : `JOIN (${placed.among}) these (oid) ON these.oid = r.prrelid`;
  return `
WITH ${wantedSql(patterns, placed?.among)}, member AS (
  SELECT r.prrelid AS oid,
    bool_or(p.pubname = ${all}) AS in_all, bool_or(p.pubname = ${insertOnly}) AS in_insert_only,
    -- PostgreSQL 14 has neither.
    bool_or(to_jsonb(r) ->> 'prqual' IS NOT NULL) AS filtered,
    bool_or(to_jsonb(r) ->> 'prattrs' IS NOT NULL) AS narrowed
  FROM pg_publication p JOIN pg_publication_rel r ON p.oid = r.prpubid ${some}
  WHERE p.pubname IN (${all}, ${insertOnly})
  GROUP BY r.prrelid
), leaf AS (${leavesSql(placed)}
), judged AS (
  SELECT c.oid, CASE c.relkind
    WHEN 'r' THEN ${usableSql('c')}
    ELSE COALESCE(leaf.usable, true) AND (${hasPrimaryKeySql('c')}
      OR (${String(triggered)} AND leaf.usable IS NOT NULL)) END AS usable
  FROM wanted w JOIN pg_class c ON c.oid = w.oid LEFT JOIN leaf ON leaf.root = c.oid
)
SELECT c.oid::text AS "oid",
  n.nspname::text AS "schema", c.relname::text AS "name", c.relkind = 'p' AS "partitioned",
  o.rolname::text AS "owner", o.rolsuper AS "ownerIsSuperuser",
  pg_has_role(c.relowner, 'USAGE') AS "owned",
  c.relreplident = 'f' AND COALESCE(leaf."full", true) AS "full",
  c.relreplident = 'f' AND NOT COALESCE(leaf."full", true) AS "partlyFull",
  ${hasVirtualSql('c')} AS "virtual",
  COALESCE(judged.usable, false) AS "wantedInAll",
  COALESCE(NOT judged.usable, false) AS "wantedInInsertOnly",
  COALESCE(member.in_all, false) AS "isInAll",
  COALESCE(member.in_insert_only, false) AS "isInInsertOnly",
  COALESCE(member.filtered, false) AS "filtered", COALESCE(member.narrowed, false) AS "narrowed"
FROM judged FULL JOIN member ON member.oid = judged.oid
  JOIN pg_class c ON c.oid = COALESCE(judged.oid, member.oid)
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_roles o ON o.oid = c.relowner
  LEFT JOIN leaf ON leaf.root = c.oid
WHERE ${HAS_NAMES}
ORDER BY 2, 3`;
}

/** Some tables, in SQL; see {@link tablesSql}. */
export interface Placed {
  /** A SELECT of their oids, and of those of the partitioned tables that they belong to. */
  readonly among: string;
  /** A SELECT of the oids of relations that were changed. */
  readonly changed: string;
  /** True when a partitioned table's other partitions may have become worse too. */
  readonly whole: string;
}

/**
 * What the partitions of each partitioned table have in common. One whose updates are published has no
 * partition without an identity; so only what was changed can make a difference, and the others, which
 * may be thousands, are not looked at.
 */
function leavesSql(placed: Placed | undefined): string {
  const partitioned = `SELECT w.oid FROM wanted w JOIN pg_class c ON c.oid = w.oid AND c.relkind = 'p'`;
  const judge = (relations: string): string => `
  SELECT t.root, bool_and(${usableSql('l')}) AS usable, bool_and(l.relreplident = 'f') AS "full"
  FROM (${relations}) t (root, relation) JOIN pg_class l ON l.oid = t.relation AND l.relkind = 'r'
  GROUP BY t.root`;
  if (placed === undefined) return judge(treeSql(partitioned));
  const published = `JOIN member m ON m.oid = w.oid AND m.in_all AND NOT ${placed.whole}`;
  const rest = `${partitioned} LEFT JOIN member m ON m.oid = w.oid
    WHERE ${placed.whole} OR m.in_all IS NOT TRUE`;
  return `
  SELECT each.root, bool_and(each.usable) AS usable, bool_and(each."full") AS "full" FROM (
  ${judge(treeSql(rest))}
  UNION ALL ${judge(`SELECT w.oid, x.oid FROM (${placed.changed}) x (oid)
    CROSS JOIN LATERAL pg_partition_ancestors(x.oid) a JOIN wanted w ON w.oid = a.relid ${published}`)}
  UNION ALL SELECT w.oid, true, true FROM wanted w ${published}
  ) each GROUP BY each.root`;
}

/**
 * The common table expressions `meant` and `wanted`: the tables that are captured, by oid. Of a
 * partitioned table it is the uppermost one that the patterns mean; its partitions are published
 * with it.
 * @param among a SELECT of different oids, to look only at some; whole trees of partitions. They are
 *   joined, so that a look at one relation does not go through the whole catalogue.
 */
export function wantedSql(patterns: TablePatterns, among?: string): string {
  // OFFSET keeps the server from looking through a whole schema for a few of its tables.
  const relations =
    among === undefined
      ? 'pg_class c'
      : `(${among}) these (oid)
    CROSS JOIN LATERAL (SELECT * FROM pg_class WHERE pg_class.oid = these.oid OFFSET 0) c`;
  return `meant AS (
  SELECT c.oid, c.relispartition
  FROM ${relations} JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
    AND ${HAS_NAMES} AND ${SCHEMA_COUNTS} AND ${patternsSql(patterns)}
    AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), wanted AS (
  -- IS TRUE has the server hash what is meant: where it knows nothing of its own catalogue yet, it
  -- would join, and compare each partition with all others.
  SELECT m.oid FROM meant m WHERE NOT m.relispartition OR NOT EXISTS (
    SELECT FROM pg_partition_ancestors(m.oid) a
    WHERE a.relid <> m.oid AND (a.relid IN (SELECT meant.oid FROM meant)) IS TRUE)
)`;
}

export const SCHEMA_COUNTS = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${OWN_SCHEMA}')`;

/** Else they could not be said in a session of ours. */
export const HAS_NAMES = `${isConvertibleSql('n.nspname')} AND ${isConvertibleSql('c.relname')}`;

/** A relation that the patterns mean but that cannot be captured. */
export interface SkippedRelation {
  readonly schema: string;
  readonly name: string;
  readonly why: 'unlogged' | 'foreign' | 'view' | 'extension' | 'name';
}

/** What the patterns mean and the WAL does not have. */
export function readSkipped(
  session: SqlSession,
  patterns: TablePatterns,
  signal: AbortSignal,
): Promise<readonly SkippedRelation[]> {
  const sql = `
    SELECT n.nspname::text AS "schema", c.relname::text AS "name",
      CASE WHEN c.relkind = 'f' THEN 'foreign' WHEN c.relkind IN ('v', 'm') THEN 'view'
        WHEN c.relpersistence = 'u' THEN 'unlogged' ELSE 'extension' END AS "why"
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${HAS_NAMES} AND ${SCHEMA_COUNTS} AND ${patternsSql(patterns)} AND NOT c.relispartition
      AND (c.relkind IN ('f', 'v', 'm') OR (c.relkind IN ('r', 'p') AND (
        c.relpersistence = 'u' OR EXISTS (SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))))
    UNION ALL
    SELECT ${escapedNameSql('n.nspname')}, ${escapedNameSql('c.relname')}, 'name'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT (${HAS_NAMES}) AND ${patternsSql(patterns)}
    ORDER BY 1, 2`;
  return session.query<SkippedRelation>(sql, signal);
}

/**
 * Whether PostgreSQL lets the relation's rows be updated and deleted while those are published.
 *
 * A deferrable key does not count as an identity, and the whole row is none when a column of it is
 * computed on reading (PostgreSQL 18): its UPDATE would be refused then.
 */
function usableSql(relation: string): string {
  return `CASE ${relation}.relreplident
      WHEN 'f' THEN NOT ${hasVirtualSql(relation)}
      WHEN 'i' THEN EXISTS (SELECT FROM pg_index i
        WHERE i.indrelid = ${relation}.oid AND i.indisreplident AND i.indisvalid AND i.indimmediate)
      WHEN 'd' THEN ${hasPrimaryKeySql(relation)}
      ELSE false END`;
}

function hasVirtualSql(relation: string): string {
  return `EXISTS (SELECT FROM pg_attribute a
        WHERE a.attrelid = ${relation}.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)`;
}

/** A partitioned table's key is what gives every partition made later an identity. */
function hasPrimaryKeySql(relation: string): string {
  return `EXISTS (SELECT FROM pg_index i
        WHERE i.indrelid = ${relation}.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate)`;
}

export function patternsSql(patterns: TablePatterns): string {
  const { include, exclude } = toLikePatterns(patterns);
  const any = (like: readonly LikePattern[]): string =>
    like
      .map(
        ({ schema, table }) =>
          `n.nspname LIKE ${quoteLiteral(schema)} AND c.relname LIKE ${quoteLiteral(table)}`,
      )
      .join(' OR ') || 'false';
  return `(${any(include)}) AND NOT (${any(exclude)})`;
}

/** Names a few and counts the rest. */
export function listTables(
  tables: readonly { readonly schema: string; readonly name: string }[],
): string {
  const shown = tables.slice(0, 5).map(({ schema, name }) => `${schema}.${name}`);
  const more = tables.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
