import type { TablePatterns } from '../../../change/table-pattern.ts';
import { wantedSql } from '../setup/captured-tables.ts';
import { toldNameSql } from '../connection/convertible-name.ts';
import { treeSql } from './partition-tree.ts';
import { type CatalogType, typeLookupSql } from './relation-types.ts';
import { type ShapeRow, shapesSql } from '../values/type-shapes.ts';

/** A column of a {@link RelationDescription}: also of one that was dropped, or is computed. */
export interface DescribedColumn {
  /** `pg_attribute.attnum` */
  readonly number: number;
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  /** Computed columns are published, or not, as version and publication have it. */
  readonly generated: boolean;
  readonly dropped: boolean;
}

/** Which transactions wrote the rows of the catalogue that a description was read from: their ids. */
export interface Touched {
  /** The relation's own row and its root's. */
  readonly place: readonly string[];
  /** The index behind the root's primary key. */
  readonly key: readonly string[] | null;
  /** Of each column, in their order. */
  readonly columns: readonly string[];
  /** Of types and what they are made of, by the type's oid. */
  readonly types: { readonly [oid: string]: readonly string[] } | null;
}

/**
 * What the catalogue says of a relation whose rows are captured: of a table, or of one partition. The
 * event trigger's function computes it in the transaction that changes it, and whoever reads the
 * stream computes it later; both by {@link descriptionsSql}, so that the two can be compared.
 */
export interface RelationDescription {
  /** The table under whose name its rows are captured; the relation itself, or what it is a partition of. */
  readonly root: { readonly oid: number; readonly schema: string; readonly name: string };
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly DescribedColumn[];
  /** Numbers of the columns in the root's primary key, in its order; null without one. */
  readonly key: readonly number[] | null;
  /** Of the columns, by their numbers as `place`, that have other types than every server has. */
  readonly types: readonly CatalogType[];
  /** Of these types and what they are made of. */
  readonly shapes: readonly ShapeRow[];
}

/** Smaller oids are the same on every server (`FirstGenbkiObjectId`); most types have such. */
const FIRST_OTHER = 10_000;

const otherTypes = `FROM pg_attribute a WHERE a.attrelid = l.oid AND a.attnum > 0
  AND a.atttypid >= ${FIRST_OTHER}`;

const typesSql = typeLookupSql(
  `SELECT a.atttypid AS oid, a.atttypmod AS modifier, a.attnum AS place ${otherTypes}`,
);

const shapesOfTypes = `SELECT * FROM (${shapesSql(`SELECT a.atttypid ${otherTypes}`)}) every
  WHERE every."id"::bigint >= ${FIRST_OTHER}`;

/** Which relations are described; in SQL. */
export type DescriptionScope =
  /** Tables and partitions: a SELECT of their oids. */
  | { readonly of: 'these relations'; readonly among: string }
  | { readonly of: 'one relation'; readonly oid: string };

/**
 * A SELECT of `relation`, `description` and `touched`; no row for a relation that is not captured.
 */
export function descriptionsSql(patterns: TablePatterns, scope: DescriptionScope): string {
  return `
WITH ${placesSql(patterns, scope)}
SELECT l.oid AS relation,
  jsonb_build_object(
    'root', jsonb_build_object('oid', r.oid::bigint, 'schema', rn.nspname, 'name', r.relname),
    'schema', ${toldNameSql('ln.nspname')}, 'name', ${toldNameSql('l.relname')},
    'columns', COALESCE((SELECT jsonb_agg(jsonb_build_object('number', a.attnum, 'name', a.attname,
        'type', a.atttypid::bigint, 'modifier', a.atttypmod, 'generated', a.attgenerated <> '',
        'dropped', a.attisdropped) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = l.oid AND a.attnum > 0), '[]'),
    'key', (SELECT jsonb_agg(la.attnum ORDER BY k.place)
      FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute ra ON ra.attrelid = i.indrelid AND ra.attnum = k.attnum
        LEFT JOIN pg_attribute la ON la.attrelid = l.oid AND la.attname = ra.attname
      WHERE i.indrelid = r.oid AND i.indisprimary AND k.place <= i.indnkeyatts),
    'types', COALESCE((SELECT jsonb_agg(to_jsonb(t) ORDER BY t."place") FROM (${typesSql}) t), '[]'),
    'shapes', COALESCE((SELECT jsonb_agg(to_jsonb(s) ORDER BY s."id"::bigint)
      FROM (${shapesOfTypes}) s), '[]')
  ) AS description,
  jsonb_build_object(
    'place', jsonb_build_array(l.xmin::text, r.xmin::text),
    'key', (SELECT jsonb_agg(i.xmin::text) FROM pg_index i
      WHERE i.indrelid = r.oid AND i.indisprimary),
    'columns', COALESCE((SELECT jsonb_agg(a.xmin::text ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = l.oid AND a.attnum > 0), '[]'),
    'types', (SELECT jsonb_object_agg(s."id", (SELECT jsonb_agg(x.xmin::text) FROM (
          SELECT t.xmin FROM pg_type t WHERE t.oid = s."id"::oid
          UNION ALL SELECT e.xmin FROM pg_enum e WHERE e.enumtypid = s."id"::oid
          UNION ALL SELECT a.xmin FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid
            WHERE t.oid = s."id"::oid AND t.typtype = 'c' AND a.attnum > 0) x))
      FROM (${shapesOfTypes}) s)
  ) AS touched
FROM place p JOIN pg_class l ON l.oid = p.relation JOIN pg_namespace ln ON ln.oid = l.relnamespace
  JOIN pg_class r ON r.oid = p.root JOIN pg_namespace rn ON rn.oid = r.relnamespace`;
}

/** The common table expression `place`: relations with rows, and the table that they are captured as. */
function placesSql(patterns: TablePatterns, scope: DescriptionScope): string {
  if (scope.of === 'one relation') {
    const { oid } = scope;
    const among = `SELECT ${oid}::oid UNION SELECT relid FROM pg_partition_ancestors(${oid}::oid)`;
    return `${wantedSql(patterns, among)}, place AS (
  SELECT w.oid AS root, c.oid AS relation
  FROM wanted w JOIN pg_class c ON c.oid = ${oid}::oid AND c.relkind IN ('r', 'p')
)`;
  }
  const above = `SELECT x.oid FROM (${scope.among}) x (oid)
    UNION SELECT a.relid FROM (${scope.among}) x (oid) CROSS JOIN LATERAL pg_partition_ancestors(x.oid) a`;
  return `${wantedSql(patterns, above)}, place AS (
  SELECT w.oid AS root, c.oid AS relation
  FROM (${scope.among}) x (oid) JOIN pg_class c ON c.oid = x.oid AND c.relkind = 'r'
    CROSS JOIN LATERAL (SELECT x.oid UNION SELECT relid FROM pg_partition_ancestors(x.oid)) above (oid)
    JOIN wanted w ON w.oid = above.oid
)`;
}

/** A SELECT of the oids of all relations that have rows which are captured: tables, and partitions. */
export function capturedRelationsSql(patterns: TablePatterns): string {
  return `WITH ${wantedSql(patterns)}
  SELECT t.relation FROM (${treeSql('SELECT oid FROM wanted')}) t
    JOIN pg_class l ON l.oid = t.relation AND l.relkind = 'r'`;
}
