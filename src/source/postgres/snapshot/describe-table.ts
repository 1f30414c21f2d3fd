import type { RowIdentity } from '../../../change/table.ts';
import type { SnapshotPartition, SnapshotTable, SourceSnapshot } from '../../table-snapshot.ts';
import { captureSql, type CaptureRow, toCaptureNow } from '../relation/capture-now.ts';
import { POSTGRES_DIALECT } from '../values/dialect.ts';
import { type CatalogStatement, readTypes } from '../relation/relation-types.ts';

/** A table of the snapshot, and how it is named in a FROM clause. */
export interface DescribedTable extends SnapshotTable {
  readonly partitioned: boolean;
}

interface CatalogRow extends CaptureRow {
  readonly partitioned: boolean;
  readonly identity: RowIdentity;
  readonly id: string;
  readonly schema: string;
  readonly name: string;
  readonly columns:
    | readonly {
        readonly number: number;
        readonly name: string;
        readonly type: number;
        readonly modifier: number;
        readonly computed: boolean;
      }[]
    | null;
  readonly partitions: readonly SnapshotPartition[] | null;
  readonly key: readonly string[] | null;
}

/** Of a partitioned table the partitions' identity counts, as in the stream. */
const describeSql = (source: string): string => `
  SELECT c.oid::text AS "id", n.nspname AS "schema", c.relname AS "name",
    c.relkind = 'p' AS "partitioned",
    CASE WHEN c.relkind = 'p' THEN (SELECT json_agg(json_build_object('id', t.relid::oid::text,
        'columns', (SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname))
          FROM pg_attribute a
          WHERE a.attrelid = t.relid AND a.attnum > 0 AND NOT a.attisdropped)))
      FROM pg_partition_tree(c.oid) t WHERE t.isleaf) END AS "partitions",
    CASE WHEN COALESCE((SELECT bool_and(l.relreplident = 'f') FROM pg_partition_tree(c.oid) t
        JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf), c.relreplident = 'f') THEN 'full'
      WHEN c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND i.indisprimary)) THEN 'nothing' ELSE 'key' END AS "identity",
    e."captured", e."added", e."capture",
    (SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'type', a.atttypid::bigint,
        'modifier', a.atttypmod, 'computed', a.attgenerated <> '') ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
      AS "columns",
    (SELECT json_agg(a.attname ORDER BY k.place)
      FROM pg_index i
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts) AS "key"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (${captureSql('c.oid', source)}) e
  WHERE c.relkind IN ('r', 'p')`;

/** Runs a statement in the snapshot and returns its rows. */
export type Query = (text: string, values: readonly unknown[]) => Promise<readonly object[]>;

/** Reads a table from the catalogue; null when there is none. */
export async function describeTable(
  query: Query,
  source: string,
  table: Parameters<SourceSnapshot['describe']>[0],
): Promise<DescribedTable | null> {
  const [condition, values] =
    'id' in table
      ? ['c.oid = $1::oid', [table.id]]
      : ['n.nspname = $1 AND c.relname = $2', [table.schema, table.name]];
  const found = await query(`${describeSql(source)} AND ${condition}`, values);
  const [row] = found as readonly CatalogRow[];
  return row === undefined ? null : await toDescribed(query, row);
}

async function toDescribed(query: Query, row: CatalogRow): Promise<DescribedTable> {
  const columnsNow = row.columns ?? [];
  const types = await readTypes(
    (statement: CatalogStatement) => query(statement.text, statement.values),
    columnsNow.map((column) => ({ ...column, flagged: false })),
    new Map(),
  );
  const columns = columnsNow.map((column, index) => ({
    ...(types[index] ?? { type: '', kind: 'other' as const, array: false }),
    name: column.name,
    number: column.number,
  }));
  const key = (row.key ?? []).map((each) => columns.findIndex((column) => column.name === each));
  return {
    partitioned: row.partitioned,
    partitions: row.partitions ?? [],
    ...toCaptureNow(row),
    computed: columnsNow.flatMap(({ name, computed }) => (computed ? [name] : [])),
    definition: {
      schema: row.schema,
      name: row.name,
      origin: { id: row.id },
      columns,
      key,
      identity: row.identity,
      dialect: POSTGRES_DIALECT.name,
    },
  };
}
