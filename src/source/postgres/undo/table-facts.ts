import type { RowIdentity, TypeShape } from '../../../change/table.ts';
import type { TableName } from '../../undo-target.ts';
import { quoteTable } from '../quote.ts';
import { readTypes } from '../relation/relation-types.ts';
import type { TypeDescription } from '../values/types.ts';
import { FOREIGN_KEYS, type ForeignKey } from './foreign-key-facts.ts';
import { type IndexPart, INDEXES, type UniqueIndex } from './index-facts.ts';
import { ROW_CONSTRAINTS, type RowConstraints } from './row-constraint-facts.ts';
import type { UndoConnection } from './undo-connection.ts';

/** A column as it is now. */
export interface ColumnFacts extends Omit<TypeDescription, 'number'> {
  readonly name: string;
  /** `pg_attribute.attnum`: a rename keeps it. */
  readonly number: number;
  /** Of a column whose type is a domain: the type below all domains, as SQL writes it; else null. */
  readonly base: string | null;
  /** Where its type has a domain with constraints, which a value from before may not meet any more. */
  readonly constrained: 'nowhere' | 'itself' | 'within';
  readonly generated: boolean;
  /** What a generated column is computed by; null for others. */
  readonly expression: string | null;
  /** 'a': always generated, 'd': by default, '': no identity. */
  readonly identity: 'a' | 'd' | '';
  readonly hasDefault: boolean;
  /** Bytes that a value takes in its row at least, when it is large: what cannot be stored apart. */
  readonly leastSize: number;
  /** The text that rows got when the column was added; null for none, or when it is not known. */
  readonly initial: string | null;
}

export interface TriggerFacts extends TableName {
  readonly trigger: string;
  /** `pg_trigger.tgenabled`: 'O' fires as usual, 'A' always. */
  readonly enabled: 'O' | 'A';
}

/** A table as the catalogue has it. */
export interface TableFacts extends TableName {
  /** `pg_class.oid`: a rename keeps it. */
  readonly id: string;
  readonly partitioned: boolean;
  /** The table in a FROM clause: without the children of an inheritance, with its partitions. */
  readonly sql: string;
  readonly columns: readonly ColumnFacts[];
  readonly identity: RowIdentity;
  /** The columns that name a row: the primary key or another unique index without nulls; or none. */
  readonly key: UniqueIndex | null;
  readonly uniqueIndexes: readonly UniqueIndex[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly triggers: readonly TriggerFacts[];
  readonly constraints: RowConstraints;
  readonly rowSecurity: boolean;
  readonly rights: ReadonlySet<TableRight>;
  readonly owner: string;
  readonly owned: boolean;
  readonly role: string;
}

export type TableRight = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

interface FactsRow {
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  readonly partitioned: boolean;
  readonly identity: RowIdentity;
  readonly rowSecurity: boolean;
  readonly rights: readonly TableRight[];
  readonly owner: string;
  readonly owned: boolean;
  readonly role: string;
  readonly columns:
    | readonly {
        readonly name: string;
        readonly number: number;
        readonly base: string | null;
        readonly type: number;
        readonly modifier: number;
        readonly hasDefault: boolean;
        readonly leastSize: number;
        readonly generated: boolean;
        readonly expression: string | null;
        readonly identity: 'a' | 'd' | '';
        readonly initial: string | null;
      }[]
    | null;
  readonly indexes: readonly UniqueIndex[] | null;
  readonly foreignKeys: readonly ForeignKey[] | null;
  readonly triggers: readonly TriggerFacts[] | null;
  readonly constraints: RowConstraints;
}

const TRIGGERS = `
  SELECT json_agg(json_build_object('trigger', t.tgname, 'enabled', t.tgenabled,
      'schema', tn.nspname, 'name', tc.relname) ORDER BY t.tgname)
  FROM pg_trigger t JOIN pg_class tc ON tc.oid = t.tgrelid
    JOIN pg_namespace tn ON tn.oid = tc.relnamespace
  WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgparentid = 0
    AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid)))`;

/** Below all domains of a column's type, with the modifiers it has there. */
const BASE = `
  CASE WHEN ty.typtype = 'd' THEN (
    WITH RECURSIVE below (oid, modifier) AS (
      SELECT ty.typbasetype, ty.typtypmod
      UNION ALL
      SELECT t.typbasetype, t.typtypmod FROM below JOIN pg_type t ON t.oid = below.oid WHERE t.typtype = 'd')
    SELECT format_type(b.oid, b.modifier) FROM below b JOIN pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd')
  END`;

const FACTS = `
  SELECT c.oid::text AS "id", n.nspname::text AS "schema", c.relname::text AS "name",
    c.relkind = 'p' AS "partitioned",
    CASE WHEN COALESCE((SELECT bool_and(l.relreplident = 'f') FROM pg_partition_tree(c.oid) t
        JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf), c.relreplident = 'f') THEN 'full'
      WHEN c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisprimary)) THEN 'nothing' ELSE 'key' END AS "identity",
    row_security_active(c.oid) AS "rowSecurity",
    ARRAY(SELECT r FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r
      WHERE has_table_privilege(c.oid, r)) AS "rights",
    o.rolname::text AS "owner", pg_has_role(c.relowner, 'USAGE') AS "owned",
    current_user::text AS "role",
    (SELECT json_agg(json_build_object('name', a.attname, 'number', a.attnum, 'base', ${BASE},
        'type', a.atttypid::bigint, 'modifier', a.atttypmod, 'hasDefault', a.atthasdef,
        -- A pointer to a value that is stored apart has 18 bytes.
        'leastSize', CASE WHEN a.attlen > 0 THEN a.attlen WHEN a.attstorage = 'p' THEN 200 ELSE 18 END,
        'generated', a.attgenerated <> '',
        'expression', (SELECT pg_get_expr(g.adbin, g.adrelid) FROM pg_attrdef g
          WHERE a.attgenerated <> '' AND g.adrelid = c.oid AND g.adnum = a.attnum), 'identity', a.attidentity,
        'initial', (SELECT (l.attmissingval::text::text[])[1] FROM pg_attribute l
          WHERE l.atthasmissing AND l.attname = a.attname
            AND (l.attrelid = c.oid OR l.attrelid IN (SELECT relid FROM pg_partition_tree(c.oid))) LIMIT 1))
        ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS "columns",
    (${INDEXES}) AS "indexes", (${FOREIGN_KEYS}) AS "foreignKeys", (${TRIGGERS}) AS "triggers",
    ${ROW_CONSTRAINTS} AS "constraints"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
  WHERE CASE WHEN $3::oid IS NULL THEN n.nspname = $1 AND c.relname = $2 ELSE c.oid = $3 END
    AND c.relkind IN ('r', 'p')`;

/**
 * Reads what an undo needs to know of a table; null when there is no such table.
 * @param table by its oid where that is known, whatever its name is by now; else by its name.
 */
export async function readTableFacts(
  connection: UndoConnection,
  table: TableName | { readonly oid: string },
): Promise<TableFacts | null> {
  const facts = await connection.withCatalogSearchPath(() => readFacts(connection, table));
  if (facts?.rowSecurity === true) await connection.useOwnSearchPath();
  return facts;
}

async function readFacts(
  connection: UndoConnection,
  table: TableName | { readonly oid: string },
): Promise<TableFacts | null> {
  const which = 'oid' in table ? [null, null, table.oid] : [table.schema, table.name, null];
  const [row] = await connection.rows<FactsRow>(FACTS, which);
  if (row === undefined) return null;
  const { schema, name } = row;
  const columns = row.columns ?? [];
  const types = await readTypes(
    (statement) => connection.rows(statement.text, statement.values),
    columns.map((column) => ({ ...column, flagged: false })),
    new Map(),
  );
  const constrained = await findConstrained(connection, types);
  const uniqueIndexes = row.indexes ?? [];
  const generated = new Set(columns.flatMap((column) => (column.generated ? [column.name] : [])));
  return {
    id: row.id,
    schema,
    name,
    partitioned: row.partitioned,
    sql: `${row.partitioned ? '' : 'ONLY '}${quoteTable({ schema, name })}`,
    columns: columns.map((column, index) => ({
      ...column,
      ...(types[index] ?? { type: '', kind: 'other', array: false }),
      constrained: placeOf(constrained, types[index]?.shape),
    })),
    identity: row.identity,
    key: uniqueIndexes.find((index) => isKey(index, generated)) ?? null,
    uniqueIndexes,
    foreignKeys: row.foreignKeys ?? [],
    triggers: row.triggers ?? [],
    constraints: row.constraints,
    rowSecurity: row.rowSecurity,
    rights: new Set(row.rights),
    owner: row.owner,
    owned: row.owned,
    role: row.role,
  };
}

/** Which of the domains in these types have constraints. */
async function findConstrained(
  connection: UndoConnection,
  types: readonly TypeDescription[],
): Promise<ReadonlySet<string>> {
  const domains = [...new Set(types.flatMap(({ shape }) => domainsOf(shape)))];
  if (domains.length === 0) return new Set();
  const found = await connection.rows<{ id: string }>(
    `SELECT t.oid::text AS id FROM pg_type t WHERE t.oid = ANY ($1::oid[])
       AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint c WHERE c.contypid = t.oid))`,
    [domains],
  );
  return new Set(found.map(({ id }) => id));
}

function placeOf(
  constrained: ReadonlySet<string>,
  shape: TypeShape | undefined,
): ColumnFacts['constrained'] {
  if (shape === undefined) return 'nowhere';
  const inside = shape.is === 'domain' ? placeOf(constrained, shape.of) : 'nowhere';
  if (inside === 'within') return inside;
  if (shape.is === 'domain' && constrained.has(shape.id)) return 'itself';
  if (inside !== 'nowhere' || shape.is === 'domain') return inside;
  return domainsOf(shape).some((id) => constrained.has(id)) ? 'within' : 'nowhere';
}

function domainsOf(shape: TypeShape | undefined): readonly string[] {
  if (shape === undefined) return [];
  const parts = [shape.of, ...(shape.attributes ?? []).map(({ type }) => type)];
  return [...(shape.is === 'domain' ? [shape.id] : []), ...parts.flatMap(domainsOf)];
}

/** A computed column is no part of what an undo writes, so it cannot name a row. */
function isKey(
  { exclusion, predicate, parts, partition }: UniqueIndex,
  generated: ReadonlySet<string>,
): boolean {
  if (exclusion || partition !== null) return false;
  // Where the index tells rows apart that the columns call equal, or the other way round, comparing
  // columns would take one row for another.
  const names = ({ column, notNull, ordinary }: IndexPart): boolean =>
    column !== null && notNull && ordinary && !generated.has(column);
  return predicate === null && parts.every(names);
}
