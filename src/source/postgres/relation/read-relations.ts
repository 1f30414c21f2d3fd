import type { TablePatterns } from '../../../change/table-pattern.ts';
import type { NamedRelation } from '../../named-relation.ts';
import { HAS_NAMES, patternsSql, SCHEMA_COUNTS, wantedSql } from '../setup/captured-tables.ts';
import { isConvertibleSql } from '../connection/convertible-name.ts';
import type { SqlSession } from '../connection/sql-session.ts';

/** A row of the query; columns as JSON, because names may hold anything. */
type Row = Omit<NamedRelation, 'columns'> & { readonly columns: string | null };

/**
 * All relations of the database that somebody may name, by their names.
 * @param captured the patterns of the source.
 * @param asked of which relations the columns are read as well.
 */
export async function readRelations(
  session: SqlSession,
  { captured, asked }: { readonly captured: TablePatterns; readonly asked: TablePatterns | null },
  signal: AbortSignal,
): Promise<readonly NamedRelation[]> {
  const wantsColumns = asked === null ? 'false' : patternsSql(asked);
  const sql = `WITH ${wantedSql(captured)}
    SELECT n.nspname::text AS "schema", c.relname::text AS "name",
      CASE WHEN w.oid IS NOT NULL THEN NULL
        WHEN c.relkind = 'f' THEN 'foreign' WHEN c.relkind IN ('v', 'm') THEN 'view'
        WHEN c.relpersistence = 'u' THEN 'unlogged' WHEN c.relispartition THEN 'partition'
        WHEN EXISTS (SELECT FROM pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        THEN 'extension' ELSE 'not meant' END AS "without",
      CASE WHEN ${wantsColumns} THEN (SELECT COALESCE(json_agg(a.attname::text), '[]')::text
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND ${isConvertibleSql('a.attname')}) END AS "columns"
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN wanted w ON w.oid = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
      AND ${SCHEMA_COUNTS} AND ${HAS_NAMES}`;
  const rows = await session.query<Row>(sql, signal);
  return rows.map(({ columns, ...relation }) => ({
    ...relation,
    columns: columns === null ? null : (JSON.parse(columns) as string[]),
  }));
}
