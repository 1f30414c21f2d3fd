import type pg from 'pg';
import { type Catalogue, readCatalogue } from './catalogue.ts';

/** One row, by column number, in the database's own texts. */
export interface StateRow {
  /** The table that holds it: a partition, or the table itself. */
  readonly held: string;
  readonly cells: ReadonlyMap<number, string | null>;
}

/** What the database itself says of a table and its rows. */
export interface TableState {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly {
    readonly number: number;
    readonly name: string;
    readonly type: string;
    readonly typeText: string;
    readonly generated: boolean;
  }[];
  /** Numbers of the primary key's columns, in key order. */
  readonly key: readonly number[];
  readonly rows: readonly StateRow[];
}

/** All tables that are no partitions, by oid; and the catalogue that they were read with. */
export interface State {
  readonly catalogue: Catalogue;
  readonly tables: ReadonlyMap<string, TableState>;
}

/** The settings under which the log's texts are printed. */
export const OUTPUT_SETTINGS = `SET timezone = 'UTC'; SET datestyle = 'ISO,YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET search_path = pg_catalog, pg_temp`;

const TEXT = { getTypeParser: () => (text: string) => text };

/** Reads the state as the session sees it: inside of its transaction, too. */
export async function readState(client: pg.Client, schemas: readonly string[]): Promise<State> {
  const catalogue = await readCatalogue(client, schemas);
  const roots = catalogue.tables.filter(({ oid, root }) => oid === root);
  const selects = roots.map(
    ({ sql, columns }) =>
      `SELECT ${['tableoid', ...columns.map(({ name }) => `"${name}"`)].join(', ')} FROM ${sql}`,
  );
  const results = await queryAll(client, selects);
  const tables = roots.map((table, at): [string, TableState] => {
    const columns = table.columns.map((column) => ({
      number: column.number,
      name: column.name,
      type: column.type,
      typeText: column.typeText,
      generated: column.generated !== '',
    }));
    const rows = (results[at] ?? []).map(([held, ...cells]): StateRow => ({
      held: held ?? '',
      cells: new Map(columns.map(({ number }, place) => [number, cells[place] ?? null])),
    }));
    const key = table.indexes.find(({ primary }) => primary)?.columns ?? [];
    const { oid, schema, name } = table;
    return [oid, { oid, schema, name, columns, key, rows }];
  });
  return { catalogue, tables: new Map(tables) };
}

async function queryAll(
  client: pg.Client,
  selects: readonly string[],
): Promise<readonly (readonly (string | null)[])[][]> {
  if (selects.length === 0) return [];
  // Several statements in one go answer with a list of results, which the types do not know.
  const answer = (await client.query<(string | null)[]>({
    text: selects.join(';\n'),
    rowMode: 'array',
    types: TEXT,
  })) as unknown as
    | pg.QueryArrayResult<(string | null)[]>
    | pg.QueryArrayResult<(string | null)[]>[];
  return (Array.isArray(answer) ? answer : [answer]).map(({ rows }) => rows);
}

/** Two states in a form that can be compared: nothing but tables, columns and rows. */
export function comparable(state: State): readonly string[] {
  return [...state.tables.values()]
    .flatMap(({ oid, schema, name, columns, rows }) => [
      `${oid} ${schema}.${name} (${columns.map(({ number, name, typeText }) => `${number} ${name} ${typeText}`).join(', ')})`,
      ...rows.map(
        ({ held, cells }) =>
          `${oid} ${schema}.${name} ${held} ${JSON.stringify([...cells.values()])}`,
      ),
    ])
    .sort();
}
