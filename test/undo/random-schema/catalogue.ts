import type pg from 'pg';

/** What a type is made of, as the database says now. */
export interface LiveType {
  readonly oid: string;
  /** As SQL writes it, with its schema. */
  readonly sql: string;
  readonly schema: string;
  readonly name: string;
  /** `b`ase, `c`omposite, `d`omain, `e`num, `r`ange, `m`ultirange */
  readonly kind: string;
  /** Of an array its element, of a domain its base. */
  readonly of: string | null;
  readonly labels: readonly string[];
  /** Numbers of the labels, in the same order: a rename keeps them. */
  readonly labelIds: readonly string[];
  readonly attributes: readonly {
    readonly number: number;
    readonly name: string;
    readonly type: string;
  }[];
}

export interface LiveColumn {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  /** `format_type` with its modifiers. */
  readonly typeText: string;
  /** ` COLLATE …`, where it is not that of the type. */
  readonly collation: string;
  readonly notNull: boolean;
  /** '' | 's' | 'v' */
  readonly generated: string;
  /** '' | 'a' | 'd' */
  readonly identity: string;
  readonly hasDefault: boolean;
}

export interface LiveTable {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly sql: string;
  readonly partitioned: boolean;
  /** The partitioned table above it. */
  readonly parent: string | null;
  /** The topmost table; its own oid when it is one. */
  readonly root: string;
  readonly bound: string | null;
  readonly partitionKey: string | null;
  /** 'd' | 'f' | 'n' | 'i' */
  readonly identity: string;
  readonly columns: readonly LiveColumn[];
  readonly indexes: readonly {
    readonly name: string;
    readonly primary: boolean;
    readonly constraint: boolean;
    readonly immediate: boolean;
    readonly identity: boolean;
    /** Null when an expression or a predicate is part of it. */
    readonly columns: readonly number[] | null;
  }[];
  readonly foreignKeys: readonly {
    readonly name: string;
    readonly columns: readonly number[];
    readonly parent: string;
    readonly parentColumns: readonly number[];
  }[];
}

/** A schema as it is now. */
export interface Catalogue {
  /** The schema's present name: the histories rename it. */
  readonly schema: string;
  readonly tables: readonly LiveTable[];
  readonly types: ReadonlyMap<string, LiveType>;
}

const TABLES = `
  SELECT c.oid::text AS oid, n.nspname AS "schema", c.relname AS "name",
    format('%I.%I', n.nspname, c.relname) AS sql, c.relkind = 'p' AS partitioned,
    (SELECT i.inhparent::text FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relispartition) AS parent,
    COALESCE(CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid END, c.oid)::text AS root,
    pg_get_expr(c.relpartbound, c.oid) AS bound,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS "partitionKey",
    c.relreplident::text AS "identity",
    COALESCE((SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname,
        'type', a.atttypid::text, 'typeText', format_type(a.atttypid, a.atttypmod),
        'collation', COALESCE((SELECT format(' COLLATE %I.%I', l.collnamespace::regnamespace::text, l.collname)
          FROM pg_collation l, pg_type y WHERE y.oid = a.atttypid AND l.oid = a.attcollation AND l.oid <> y.typcollation), ''),
        'notNull', a.attnotnull, 'generated', a.attgenerated::text, 'identity', a.attidentity::text,
        'hasDefault', a.atthasdef) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
    COALESCE((SELECT json_agg(json_build_object('name', ic.relname, 'primary', i.indisprimary,
        'constraint', EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u')),
        'immediate', i.indimmediate, 'identity', i.indisreplident,
        'columns', CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL
          THEN to_json((i.indkey::int2[])[0:i.indnkeyatts - 1]) END) ORDER BY i.indisprimary DESC, ic.relname)
      FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique), '[]') AS indexes,
    COALESCE((SELECT json_agg(json_build_object('name', k.conname, 'columns', to_json(k.conkey),
        'parent', k.confrelid::text, 'parentColumns', to_json(k.confkey)) ORDER BY k.conname)
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0), '[]') AS "foreignKeys"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p')
  ORDER BY c.oid`;

const TYPES = `
  SELECT t.oid::text AS oid, format('%I.%I', n.nspname, t.typname) AS sql, n.nspname AS "schema",
    t.typname AS "name", t.typtype::text AS kind,
    NULLIF(CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.typbasetype END, 0)::text AS of,
    COALESCE((SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '[]') AS labels,
    COALESCE((SELECT json_agg(e.oid::text ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '[]') AS "labelIds",
    COALESCE((SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'type', a.atttypid::text) ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      WHERE a.attrelid = t.typrelid AND c.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS attributes
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname = ANY ($1) AND t.typtype IN ('b', 'c', 'd', 'e', 'r', 'm')`;

/** The database's own types are the same for all: read once. */
let builtIn: readonly LiveType[] | null = null;

/** Reads what the schemas hold. */
export async function readCatalogue(
  client: pg.Client,
  schemas: readonly string[],
): Promise<Catalogue> {
  const tables = await client.query<LiveTable>(TABLES, [schemas]);
  builtIn ??= (await client.query<LiveType>(TYPES, [['pg_catalog']])).rows;
  const types = await client.query<LiveType>(TYPES, [schemas]);
  const { rows } = await client.query<{ name: string }>(
    'SELECT nspname::text AS "name" FROM pg_namespace WHERE nspname = ANY ($1)',
    [schemas],
  );
  return {
    schema: rows[0]?.name ?? '',
    tables: tables.rows,
    types: new Map([...builtIn, ...types.rows].map((type) => [type.oid, type])),
  };
}

/** The columns of the primary key, in key order; empty when there is none. */
export function primaryKey(table: LiveTable): readonly number[] {
  return table.indexes.find(({ primary }) => primary)?.columns ?? [];
}

/** The topmost tables of those of which only rows that come are reported, not rows that change or go. */
export function partlyReported({ tables }: Catalogue): ReadonlySet<string> {
  const whole = (table: LiveTable): boolean =>
    table.identity === 'f' || (table.identity === 'd' && primaryKey(table).length > 0);
  return new Set(tables.filter((table) => !whole(table)).map(({ root }) => root));
}

/** Tables that are no partitions. */
export function rootsOf({ tables }: Catalogue): readonly LiveTable[] {
  return tables.filter(({ oid, root }) => oid === root);
}

export function columnOf(table: LiveTable, number: number): LiveColumn {
  const column = table.columns.find((column) => column.number === number);
  if (column === undefined) throw new Error(`${table.sql} has no column ${number}`);
  return column;
}
