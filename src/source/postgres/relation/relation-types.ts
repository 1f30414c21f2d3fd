import type { RelationColumn } from './decode-relation.ts';
import { readTypeShapes } from '../values/type-shapes.ts';
import { builtinType, kindOfCatalogType, type TypeDescription } from '../values/types.ts';

/** A statement that is asked often enough to be planned once per connection, under its name. */
export interface CatalogStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Runs a statement on an ordinary connection to the same database, and returns its rows. It rejects
 * with a TidingsError, because that ends the stream.
 */
export type CatalogQuery = (
  statement: CatalogStatement,
  signal: AbortSignal,
) => Promise<readonly object[]>;

/** A row of {@link typeLookupSql}. */
export interface CatalogType {
  readonly place: number;
  readonly name: string;
  readonly base: number;
  readonly array: boolean;
  readonly typtype: string;
  readonly typcategory: string;
}

/**
 * A type's name, and the type that says how its values' text looks: domains are followed to their
 * base, and an array once to its element. Arrays whose elements are separated by something else
 * than commas keep their text. Casts make pg's parser return numbers.
 * @param wanted a SELECT of `oid`, `modifier` and `place`.
 */
export function typeLookupSql(wanted: string): string {
  return `
  WITH RECURSIVE wanted AS (
    ${wanted}
  ), walk AS (
    SELECT place, oid, false AS is_array, 0 AS depth FROM wanted
    UNION ALL
    SELECT walk.place, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,
      is_array OR t.typtype <> 'd', depth + 1
    FROM walk
    JOIN pg_catalog.pg_type t ON t.oid = walk.oid
    LEFT JOIN pg_catalog.pg_type element ON element.oid = t.typelem
    WHERE t.typtype = 'd' OR (NOT is_array AND element.typdelim = ','
      AND t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc)
  )
  SELECT DISTINCT ON (w.place) w.place::int4 AS place,
    pg_catalog.format_type(w.oid, w.modifier) AS name, walk.oid::int4 AS base,
    walk.is_array AS array, t.typtype, t.typcategory
  FROM wanted w
  JOIN walk USING (place)
  JOIN pg_catalog.pg_type t ON t.oid = walk.oid
  ORDER BY w.place, walk.depth DESC`;
}

const TYPE_LOOKUP = typeLookupSql(
  'SELECT oid, modifier, place FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY AS w (oid, modifier, place)',
);

/**
 * Describes the types of columns, in their order. The catalogue is asked only about types that are
 * not built in, and a type that it has no longer keeps the name that the stream gave it.
 * @param typeNames what Type messages said, by type oid.
 */
export async function readTypes(
  query: (statement: CatalogStatement) => Promise<readonly object[]>,
  columns: readonly RelationColumn[],
  typeNames: ReadonlyMap<number, string>,
): Promise<readonly TypeDescription[]> {
  const types = columns.map((column) => builtinType(column.type, column.modifier));
  const unknown = [...columns.keys()].filter((index) => types[index] === undefined);
  const found = new Map<number, TypeDescription>();
  if (unknown.length > 0) {
    const wanted = unknown.map((index) => columns[index]);
    const rows = await query({
      name: 'tidings types',
      text: TYPE_LOOKUP,
      values: [wanted.map((column) => column?.type), wanted.map((column) => column?.modifier)],
    });
    const shapes = await readTypeShapes(
      query,
      unknown.map((index) => columns[index]?.type ?? 0),
    );
    for (const row of rows as readonly CatalogType[]) {
      const index = unknown[row.place - 1] ?? -1;
      const shape = shapes.get(columns[index]?.type ?? 0);
      found.set(index, { ...toDescription(row), ...(shape === undefined ? {} : { shape }) });
    }
  }
  return columns.map(
    (column, index) =>
      types[index] ??
      found.get(index) ?? {
        type: typeNames.get(column.type) ?? `type ${column.type}`,
        kind: 'other',
        array: false,
      },
  );
}

/** What a row of {@link typeLookupSql} says. */
export function toDescription(row: CatalogType): TypeDescription {
  // pg has no unsigned integers, and an oid is one.
  const builtin = builtinType(row.base >>> 0);
  // An array of arrays, through a domain: its elements are texts of arrays.
  if (row.array && builtin?.array === true) return { type: row.name, kind: 'other', array: true };
  return {
    type: row.name,
    kind: builtin?.kind ?? kindOfCatalogType(row),
    array: row.array || builtin?.array === true,
  };
}
