import type { RowIdentity, TypeShape } from '../../../change/table.ts';
import type { TableName } from '../../undo-target.ts';
import { publicationNames } from '../publication.ts';
import { quoteTable } from '../quote.ts';
import { readTypes } from '../relation-types.ts';
import type { TypeDescription } from '../types.ts';
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
  /** 'a': always generated, 'd': by default, '': no identity. */
  readonly identity: 'a' | 'd' | '';
  readonly hasDefault: boolean;
  /** Bytes that a value takes in its row at least, when it is large: what cannot be stored apart. */
  readonly leastSize: number;
  /** The text that rows got when the column was added; null for none, or when it is not known. */
  readonly initial: string | null;
}

/** One part of an index, with the operator that says when two of its values are in each other's way. */
export interface IndexPart {
  readonly expression: string;
  /** Null for an expression. */
  readonly column: string | null;
  readonly notNull: boolean;
  readonly operator: string;
}

/** An index that keeps two rows from being there at once. */
export interface UniqueIndex {
  readonly name: string;
  readonly primary: boolean;
  /** Of an exclusion constraint, or of a key `WITHOUT OVERLAPS`: equality is not what it asks for. */
  readonly exclusion: boolean;
  /** False when it is checked at the end of a statement, or later. */
  readonly immediate: boolean;
  readonly predicate: string | null;
  readonly nullsNotDistinct: boolean;
  readonly parts: readonly IndexPart[];
}

export interface ForeignKey {
  readonly name: string;
  readonly child: TableName;
  readonly parent: TableName;
  readonly childColumns: readonly string[];
  readonly parentColumns: readonly string[];
  /** Per column: parent = child. */
  readonly operators: readonly string[];
  /** True when the database itself changes children along with their parents. */
  readonly cascades: boolean;
  /** `pg_constraint.confdeltype`: 'a' only checks, at the end of a statement. */
  readonly deleteAction: string;
  /** `pg_constraint.confupdtype`, likewise. */
  readonly updateAction: string;
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
  readonly rowSecurity: boolean;
  readonly rights: ReadonlySet<TableRight>;
  readonly owner: string;
  readonly owned: boolean;
  readonly role: string;
  /** The transaction that put the table into the publication; null when it is in none. */
  readonly added: string | null;
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
  readonly added: string | null;
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
        readonly identity: 'a' | 'd' | '';
        readonly initial: string | null;
      }[]
    | null;
  readonly indexes: readonly UniqueIndex[] | null;
  readonly foreignKeys: readonly ForeignKey[] | null;
  readonly triggers: readonly TriggerFacts[] | null;
}

const NAME = (table: string, schema: string): string =>
  `json_build_object('id', ${table}.oid::text, 'schema', ${schema}.nspname, 'name', ${table}.relname)`;

const OPERATOR = `'OPERATOR(' || quote_ident(opn.nspname) || '.' || op.oprname || ')'`;

const INDEXES = `
  SELECT json_agg(json_build_object('name', ic.relname, 'primary', i.indisprimary,
      'exclusion', i.indisexclusion, 'immediate', i.indimmediate,
      'predicate', pg_get_expr(i.indpred, i.indrelid),
      'nullsNotDistinct', COALESCE((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
      'parts', (
        SELECT json_agg(json_build_object(
            'expression', pg_get_indexdef(i.indexrelid, k.place::integer, false),
            'column', a.attname, 'notNull', COALESCE(a.attnotnull, false), 'operator', ${OPERATOR})
          ORDER BY k.place)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
          JOIN unnest(i.indclass::oid[]) WITH ORDINALITY AS oc (oid, place) USING (place)
          JOIN pg_opclass cl ON cl.oid = oc.oid
          LEFT JOIN pg_amop ao ON ao.amopfamily = cl.opcfamily AND ao.amopstrategy = 3
            AND ao.amoplefttype = cl.opcintype AND ao.amoprighttype = cl.opcintype
          JOIN pg_operator op ON op.oid = COALESCE(x.conexclop[k.place], ao.amopopr)
          JOIN pg_namespace opn ON opn.oid = op.oprnamespace
          LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            AND k.attnum > 0))
    ORDER BY i.indisprimary DESC, ic.relname)
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
    LEFT JOIN pg_constraint x ON x.conindid = i.indexrelid AND i.indisexclusion
      AND x.conexclop IS NOT NULL
  WHERE i.indrelid = c.oid AND i.indisvalid
    AND (i.indisunique AND am.amname = 'btree' OR x.oid IS NOT NULL)`;

/** A key that refers to a partition is one to the table that its rows are captured as, the root. */
const FOREIGN_KEYS = `
  SELECT json_agg(json_build_object('name', f.conname, 'child', ${NAME('cc', 'cn')},
      'parent', ${NAME('pc', 'pn')},
      'childColumns', (SELECT json_agg(a.attname ORDER BY k.place)
        FROM unnest(f.conkey) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
      'parentColumns', (SELECT json_agg(a.attname ORDER BY k.place)
        FROM unnest(f.confkey) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum),
      'operators', (SELECT json_agg(${OPERATOR} ORDER BY k.place)
        FROM unnest(f.conpfeqop) WITH ORDINALITY AS k (oid, place)
          JOIN pg_operator op ON op.oid = k.oid
          JOIN pg_namespace opn ON opn.oid = op.oprnamespace),
      'deleteAction', f.confdeltype, 'updateAction', f.confupdtype, 'cascades', f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
    ORDER BY f.conname)
  FROM pg_constraint f
    JOIN pg_class cc ON cc.oid = f.conrelid JOIN pg_namespace cn ON cn.oid = cc.relnamespace
    JOIN pg_class pc ON pc.oid = CASE f.confrelid WHEN c.oid THEN c.oid
      ELSE COALESCE(pg_partition_root(f.confrelid), f.confrelid) END
    JOIN pg_namespace pn ON pn.oid = pc.relnamespace
  WHERE f.contype = 'f' AND f.conparentid = 0 AND c.oid IN (f.conrelid, f.confrelid, pc.oid)
    AND NOT COALESCE((to_jsonb(f) ->> 'conperiod')::boolean, false)`;

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
    (SELECT r.xmin::text FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE r.prrelid = c.oid AND p.pubname IN ($3, $4) ORDER BY p.pubname = $3 DESC LIMIT 1)
      AS "added",
    (SELECT json_agg(json_build_object('name', a.attname, 'number', a.attnum, 'base', ${BASE},
        'type', a.atttypid::bigint, 'modifier', a.atttypmod, 'hasDefault', a.atthasdef,
        -- A pointer to a value that is stored apart has 18 bytes.
        'leastSize', CASE WHEN a.attlen > 0 THEN a.attlen WHEN a.attstorage = 'p' THEN 200 ELSE 18 END,
        'generated', a.attgenerated <> '', 'identity', a.attidentity,
        'initial', (SELECT (l.attmissingval::text::text[])[1] FROM pg_attribute l
          WHERE l.atthasmissing AND l.attname = a.attname
            AND (l.attrelid = c.oid OR l.attrelid IN (SELECT relid FROM pg_partition_tree(c.oid))) LIMIT 1))
        ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type ty ON ty.oid = a.atttypid
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS "columns",
    (${INDEXES}) AS "indexes", (${FOREIGN_KEYS}) AS "foreignKeys", (${TRIGGERS}) AS "triggers"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
  WHERE CASE WHEN $5::oid IS NULL THEN n.nspname = $1 AND c.relname = $2 ELSE c.oid = $5 END
    AND c.relkind IN ('r', 'p')`;

/**
 * Reads what an undo needs to know of a table; null when there is no such table.
 * @param table by its oid where that is known, whatever its name is by now; else by its name.
 */
export async function readTableFacts(
  connection: UndoConnection,
  table: TableName | { readonly oid: string },
): Promise<TableFacts | null> {
  const { all, insertOnly } = publicationNames(connection.source);
  const which = 'oid' in table ? [null, null, table.oid] : [table.schema, table.name, null];
  const [row] = await connection.rows<FactsRow>(FACTS, [
    ...which.slice(0, 2),
    all,
    insertOnly,
    which[2],
  ]);
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
    rowSecurity: row.rowSecurity,
    rights: new Set(row.rights),
    owner: row.owner,
    owned: row.owned,
    role: row.role,
    added: row.added,
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
  { exclusion, predicate, parts }: UniqueIndex,
  generated: ReadonlySet<string>,
): boolean {
  if (exclusion) return false;
  const names = ({ column, notNull }: IndexPart): boolean =>
    column !== null && notNull && !generated.has(column);
  return predicate === null && parts.every(names);
}
