import type { Column, RowIdentity, TableDefinition } from '../../change/table.ts';
import type { RelationColumn, RelationMessage } from './decode-relation.ts';
import { POSTGRES_DIALECT } from './dialect.ts';
import { type CatalogQuery, type CatalogStatement, readTypes } from './relation-types.ts';
import type { TypeDescription } from './types.ts';

/** What a Relation message means, after what only the catalogue knows was added. */
export interface TableDescription {
  readonly definition: TableDefinition;
  /**
   * False when an old row that the server calls whole may be only a key. The marker follows the
   * root of a partitioned table and the row its partition, and the two can differ in identity.
   */
  readonly wholeOldRows: boolean;
}

/** The answer of {@link TABLE_LOOKUP}. */
interface CatalogTable {
  /** False when the table was dropped since. */
  readonly present: boolean;
  readonly key: readonly string[] | null;
  readonly partitions_full: boolean | null;
}

/** The primary key in key order, and whether all partitions have identity full. */
const TABLE_LOOKUP = `
  SELECT
    EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = $1) AS present,
    (SELECT json_agg(a.attname ORDER BY k.place)
      FROM pg_catalog.pg_index i
      CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE i.indrelid = $1 AND i.indisprimary AND k.place <= i.indnkeyatts) AS key,
    (SELECT bool_and(c.relreplident = 'f')
      FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) p
      JOIN pg_catalog.pg_class c ON c.oid = p.relid
      WHERE p.isleaf) AS partitions_full`;

/**
 * Completes Relation messages from the catalogue. The stream tells of the past and the catalogue of
 * the present, so whatever no longer fits is left aside: a table that was dropped since is described
 * by what its message says. Keep one for all connections to a database: it remembers keys.
 */
export class RelationCatalog {
  readonly #query: CatalogQuery;
  /** The last known key of each table, for when it is dropped while its changes still come. */
  readonly #keys = new Map<number, readonly string[]>();

  constructor(query: CatalogQuery) {
    this.#query = query;
  }

  /**
   * Not cached by the message's content: a primary key can move to other columns without changing
   * it. The server repeats a message only after its table changed or was vacuumed.
   * @param typeNames what Type messages said, by type oid.
   */
  async describe(
    message: RelationMessage,
    typeNames: ReadonlyMap<number, string>,
    signal: AbortSignal,
  ): Promise<TableDescription> {
    const query = (statement: CatalogStatement): Promise<readonly object[]> =>
      this.#query(statement, signal);
    const table = await readTable(query, message);
    const types = await readTypes(query, message.columns, typeNames);
    const wholeOldRows = message.identity === 'f' && table?.partitions_full !== false;
    return {
      wholeOldRows,
      definition: {
        schema: message.schema,
        name: message.name,
        columns: message.columns.map((column, index) => toColumn(column, types[index])),
        key: this.#findKey(message, table),
        identity: toIdentity(message, wholeOldRows),
        dialect: POSTGRES_DIALECT.name,
      },
    };
  }

  /**
   * Which columns identify a row. With a key identity it must be those the server flagged, because
   * the old row of a delete has no others; the catalogue then only gives their order.
   */
  #findKey(message: RelationMessage, table: CatalogTable | undefined): readonly number[] {
    const { oid, identity, columns } = message;
    const indexOf = (name: string): number => columns.findIndex((column) => column.name === name);
    const flagged = [...columns.keys()].filter((index) => columns[index]?.flagged === true);
    const names = table?.present === false ? this.#keys.get(oid) : table?.key;
    const key = (names ?? []).map(indexOf);
    const fits = identity === 'f' || flagged.length === 0 || isSame(key, flagged);
    if (key.length > 0 && !key.includes(-1) && fits) {
      this.#keys.set(oid, names ?? []);
      return key;
    }
    return identity === 'f' ? [] : flagged;
  }
}

async function readTable(
  query: (statement: CatalogStatement) => Promise<readonly object[]>,
  { oid, identity, columns }: RelationMessage,
): Promise<CatalogTable | undefined> {
  const flagged = columns.filter((column) => column.flagged);
  // The flags say all there is to know: a single column has no order.
  if (identity !== 'f' && flagged.length === 1) return undefined;
  const [table] = await query({ name: 'tidings table', text: TABLE_LOOKUP, values: [oid] });
  return table as CatalogTable | undefined;
}

function isSame(key: readonly number[], flagged: readonly number[]): boolean {
  return key.length === flagged.length && flagged.every((index) => key.includes(index));
}

function toColumn(column: RelationColumn, type: TypeDescription | undefined): Column {
  if (type === undefined) throw new Error(`Column ${column.name} got no type`);
  return { name: column.name, ...type };
}

function toIdentity(message: RelationMessage, wholeOldRows: boolean): RowIdentity {
  if (wholeOldRows) return 'full';
  return message.columns.some((column) => column.flagged) ? 'key' : 'nothing';
}
