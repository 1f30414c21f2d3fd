import type { TableName, TypedTable } from '../typed-table.ts';
import { toldNameSql } from './connection/convertible-name.ts';
import { formOf } from './values/dialect.ts';
import { treeSql } from './relation/partition-tree.ts';
import { readTypes } from './relation/relation-types.ts';
import type { SqlSession } from './connection/sql-session.ts';

interface ColumnRow {
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  readonly nullable: boolean;
  readonly large: boolean;
  readonly comment: string | null;
}

interface TableRow extends Omit<TypedTable, 'columns'> {
  readonly columns: readonly ColumnRow[];
  /** True when some of its rows may have values outside of them that an update does not tell. */
  readonly leavesOut: boolean;
}

/**
 * The columns that the stream has: stored ones that are computed are published from PostgreSQL 18 on,
 * those that are computed on reading never.
 */
const PUBLISHED = `(a.attgenerated = '' OR
  (a.attgenerated = 's' AND current_setting('server_version_num')::int4 >= 180000))`;

/**
 * Whether a column can hold null. A constraint that was not validated (PostgreSQL 18) says nothing of
 * older rows. NOT NULL of a domain does not count at all: a subquery without a row passes it.
 * https://www.postgresql.org/docs/current/sql-createdomain.html#SQL-CREATEDOMAIN-NOTES
 */
const NULLABLE = `(NOT a.attnotnull OR EXISTS (SELECT FROM pg_constraint k
  WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND NOT k.convalidated
    AND a.attnum = ANY (k.conkey)))`;

/**
 * Whether a value may be kept outside of its row. Of types with storage "main", such as numeric, that
 * takes thousands of digits, so they are not counted.
 */
const LARGE = `(a.attlen = -1 AND a.attstorage IN ('x', 'e'))`;

/** Of a partitioned table its partitions count; one that comes later has no full identity by itself. */
const LEAVES_OUT = `(
    SELECT COALESCE(bool_or(l.reltoastrelid <> 0 AND l.relreplident <> 'f'), true)
    FROM (${treeSql('SELECT c.oid')}) t JOIN pg_class l ON l.oid = t.relation AND l.relkind = 'r')`;

const TABLES = `
  SELECT n.nspname::text AS "schema", c.relname::text AS "name",
    ${toldNameSql("obj_description(c.oid, 'pg_class')")} AS "comment",
    COALESCE((SELECT json_agg(${toldNameSql('a.attname')} ORDER BY k.place)
      FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts), '[]') AS "key",
    COALESCE((SELECT json_agg(json_build_object('name', ${toldNameSql('a.attname')},
        'type', a.atttypid::int8, 'modifier', a.atttypmod, 'nullable', ${NULLABLE},
        'large', ${LARGE}, 'comment', ${toldNameSql('col_description(c.oid, a.attnum)')})
        ORDER BY a.attnum)
      FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND ${PUBLISHED}), '[]')
      AS "columns",
    ${LEAVES_OUT} AS "leavesOut"
  FROM unnest($1::text[], $2::text[]) asked (schema, name)
    JOIN pg_namespace n ON n.nspname = asked.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = asked.name
  WHERE c.relkind IN ('r', 'p')`;

/** See `Source.describe`. The catalogue is open to every role. */
export async function describeTables(
  session: SqlSession,
  tables: readonly TableName[],
  signal: AbortSignal,
): Promise<readonly TypedTable[]> {
  const values = [tables.map(({ schema }) => schema), tables.map(({ name }) => name)];
  const found = await session.query<TableRow>({ text: TABLES, values }, signal);
  const columns = found.flatMap((table) => table.columns);
  // One question for all tables, because most have a type that is not built in.
  const types = await readTypes(
    (statement) => session.query(statement, signal),
    columns.map((column) => ({ ...column, flagged: false })),
    new Map(),
  );
  let place = 0;
  return found.map(({ leavesOut, columns: rows, ...table }) => ({
    ...table,
    columns: rows.map(({ name, nullable, large, comment }) => {
      const type = types[place++] ?? { type: '', kind: 'other' as const, array: false };
      const form = formOf({ name, ...type });
      return { name, form, nullable, leftOut: large && leavesOut, comment };
    }),
  }));
}
