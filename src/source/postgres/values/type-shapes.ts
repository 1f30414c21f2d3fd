import type { TypeShape } from '../../../change/table.ts';
import type { Statement } from '../connection/sql-session.ts';
import { builtinType } from './types.ts';

/** A row of {@link shapesSql}. */
export interface ShapeRow {
  readonly id: string;
  readonly is: TypeShape['is'];
  readonly of: string | null;
  readonly labels: TypeShape['labels'] | null;
  readonly attributes:
    | readonly {
        readonly number: number;
        readonly name: string;
        readonly type: string;
        readonly modifier: number;
      }[]
    | null;
}

/**
 * Each of some types and all that it is made of, down to the base types. A type cannot hold itself.
 * @param from a SELECT of the types' oids.
 */
export function shapesSql(from: string): string {
  return `
  WITH RECURSIVE walk (oid) AS (
    ${from}
    UNION
    SELECT part.oid FROM walk JOIN pg_catalog.pg_type t ON t.oid = walk.oid
      CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL SELECT t.typelem WHERE t.typelem <> 0
          AND t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc
        UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r
          WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
        UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a
          WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      ) part (oid)
  )
  SELECT t.oid::text AS "id",
    CASE WHEN t.typtype = 'e' THEN 'enum' WHEN t.typtype = 'c' THEN 'composite'
      WHEN t.typtype = 'd' THEN 'domain' WHEN r.subtype IS NOT NULL THEN 'range'
      WHEN t.typelem <> 0
        AND t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc THEN 'array'
      ELSE 'base' END AS "is",
    CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE COALESCE(r.subtype, NULLIF(t.typelem, 0)) END::text
      AS "of",
    CASE WHEN t.typtype = 'e' THEN
      (SELECT json_agg(json_build_array(e.oid::text, e.enumlabel) ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END AS "labels",
    CASE WHEN t.typtype = 'c' THEN
      (SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname,
          'type', a.atttypid::text, 'modifier', a.atttypmod) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END AS "attributes"
  -- OFFSET has each looked up by its number: joined as it is, PostgreSQL reads all types, and every
  -- table has two.
  FROM walk CROSS JOIN LATERAL (
      SELECT * FROM pg_catalog.pg_type t WHERE t.oid = walk.oid OFFSET 0) t
    LEFT JOIN LATERAL (SELECT r.rngsubtype AS subtype FROM pg_catalog.pg_range r
      WHERE t.oid IN (r.rngtypid, r.rngmultitypid)) r ON true`;
}

const SHAPES = shapesSql('SELECT unnest($1::pg_catalog.oid[])');

/**
 * What types are made of now, by oid. Built-in types are not asked for; a type that the catalogue
 * does not have (or one with such a part) is missing in the answer: not known (invariant 14).
 */
export async function readTypeShapes(
  query: (statement: Required<Statement>) => Promise<readonly object[]>,
  oids: readonly number[],
): Promise<ReadonlyMap<number, TypeShape>> {
  const asked = [...new Set(oids)].filter((oid) => builtinType(oid) === undefined);
  const found =
    asked.length === 0
      ? []
      : await query({ name: 'tidings type shapes', text: SHAPES, values: [asked] });
  return toShapes(found as readonly ShapeRow[], oids);
}

/** The shapes of these types, from the rows of {@link shapesSql}; those that cannot be known are missing. */
export function toShapes(
  found: readonly ShapeRow[],
  oids: readonly number[],
): ReadonlyMap<number, TypeShape> {
  const rows = new Map(found.map((row) => [row.id, row]));
  const shapes = new Map<number, TypeShape>();
  for (const oid of oids) {
    const shape = toShape(String(oid), rows);
    if (shape !== null) shapes.set(oid, shape);
  }
  return shapes;
}

function toShape(id: string, rows: ReadonlyMap<string, ShapeRow>): TypeShape | null {
  const builtin = builtinType(Number(id))?.shape;
  if (builtin !== undefined) return builtin;
  const row = rows.get(id);
  if (row === undefined) return null;
  const { is } = row;
  if (is === 'base') return { id, is };
  if (is === 'enum') return { id, is, labels: row.labels ?? [] };
  if (is !== 'composite') {
    const of = toShape(row.of ?? '', rows);
    return of === null ? null : { id, is, of };
  }
  const attributes: NonNullable<TypeShape['attributes']>[number][] = [];
  for (const { number, name, type: part, modifier } of row.attributes ?? []) {
    const type = toShape(part, rows);
    if (type === null) return null;
    attributes.push({ number, name, type, ...(modifier < 0 ? {} : { modifier }) });
  }
  return { id, is, attributes };
}
