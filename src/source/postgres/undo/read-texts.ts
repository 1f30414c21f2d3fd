import { isTidingsError } from '../../../errors/tidings-error.ts';
import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import type { MatchedColumn } from './match-columns.ts';
import { isGiven } from './null-sql.ts';
import { textsOf } from './texts-of.ts';
import type { UndoConnection } from './undo-connection.ts';

/** Where {@link TextRows} are copied to, for all tables: it is empty again before the next. */
export const TEXTS_TABLE = `
  CREATE TEMPORARY TABLE undo_texts (undo_offset bigint, texts text[], were text[]) ON COMMIT DROP`;

/** The part of a staged table that this is about. */
interface TextsTable {
  readonly key: readonly { readonly column: string }[] | null;
  readonly notes: number;
  readonly place: number;
  insertSql(
    side: 'before' | 'after',
    columns: readonly string[],
    rows: { readonly offset: string; readonly values: readonly string[]; readonly from: string },
  ): string;
  problem(reason: 'column-retyped', detail: string): void;
}

/** What is read from the texts, and to where. */
export interface TextsTarget {
  readonly table: TextsTable;
  /** Of the rows' texts, in their order. */
  readonly columns: readonly MatchedColumn[];
  readonly side: 'before' | 'after';
}

/**
 * Reads copied texts as values of the table's types. A value that its type does not take, or would
 * write another way, is null in the staged row and noted: nothing that is wrong with one row may end
 * the undo of the others.
 */
export async function readTexts(connection: UndoConnection, target: TextsTarget): Promise<void> {
  try {
    await connection.attempt(() => insert(connection, target, castDirectly));
  } catch (error) {
    if (!isTidingsError(error, 'UNDO_REFUSED')) throw error;
    // Some value is none of its type: which ones takes longer to tell.
    await insertOneByOne(connection, target);
  }
  await connection.run('TRUNCATE pg_temp.undo_texts');
}

/** The same with functions that give null for a text that is no value of the column's type. */
async function insertOneByOne(connection: UndoConnection, target: TextsTarget): Promise<void> {
  const cautious = target.columns.filter(({ fit }) => fit !== 'plain');
  const name = ({ now }: MatchedColumn): string => `pg_temp.undo_read_${now.number}`;
  for (const column of cautious) {
    const { base, type } = column.now;
    const body = `BEGIN
      RETURN ${castDirectly(column, 'value')};
    EXCEPTION WHEN OTHERS THEN RETURN NULL;
    END`;
    await connection.run(
      `CREATE FUNCTION ${name(column)}(value text) RETURNS ${base ?? type}
       LANGUAGE plpgsql AS ${quoteLiteral(body)}`,
    );
  }
  await insert(connection, target, (column, text) =>
    column.fit === 'plain' ? castDirectly(column, text) : `${name(column)}(${text})`,
  );
  for (const column of cautious) await connection.run(`DROP FUNCTION ${name(column)}(text)`);
}

type Cast = (column: MatchedColumn, text: string) => string;

/**
 * Through the type itself, whose constraints are to be met, to what is below its domains. The cast of
 * a text is the type's own reading of it, but for regclass, whose cast looks for a table of that name.
 */
function castDirectly({ now, fit }: MatchedColumn, text: string): string {
  const base = now.base ?? now.type;
  const read = base === 'regclass' ? `(${text})::bpchar` : `(${text})`;
  return now.base === null || fit === 'plain'
    ? `${read}::${base}`
    : `${read}::${now.type}::${base}`;
}

async function insert(
  connection: UndoConnection,
  { table, columns, side }: TextsTarget,
  cast: Cast,
): Promise<void> {
  const values = columns.map((column, at) => {
    const text = `x.texts[${at + 1}]`;
    const value = cast(column, text);
    // What comes back another way is another value, or might be one.
    return column.fit === 'changed'
      ? `CASE WHEN (${value})::text = ${text} THEN ${value} END`
      : value;
  });
  const named = values.map(
    (value, at) => `${value} AS ${quoteIdentifier(columns[at]?.now.name ?? '')}`,
  );
  const rows = `(SELECT ${[...named, 'x.undo_offset AS undo_texts_offset', 'x.were AS undo_texts_were'].join(', ')}
    FROM pg_temp.undo_texts x) s`;
  const hasKey = (table.key ?? [])
    .map(({ column }) => isGiven(`s.${quoteIdentifier(column)}`))
    .join(' AND ');
  const where = hasKey === '' ? '' : `WHERE ${hasKey}`;
  const names = columns.map(({ now }) => quoteIdentifier(now.name));
  await connection.run(
    table.insertSql(
      side,
      columns.map(({ now }) => now.name),
      {
        offset: 's.undo_texts_offset',
        values: names.map((name) => `s.${name}`),
        from: `${rows} ${where}`,
      },
    ),
  );
  for (const [at, column] of columns.entries()) {
    if (column.fit === 'plain') continue;
    await note(connection, { table, side, rows, where }, { column, at });
  }
  if (hasKey === '') return;
  const [lost] = await connection.rows<{ rows: number }>(
    `SELECT count(*)::integer AS rows FROM ${rows} WHERE NOT (${hasKey})`,
  );
  if ((lost?.rows ?? 0) === 0) return;
  const keys = new Set(table.key?.map(({ column }) => column));
  for (const { now, fit, change } of columns) {
    if (fit !== 'plain' && keys.has(now.name)) table.problem('column-retyped', change);
  }
}

async function note(
  connection: UndoConnection,
  {
    table,
    side,
    rows,
    where,
  }: Pick<TextsTarget, 'table' | 'side'> & { readonly rows: string; readonly where: string },
  { column, at }: { readonly column: MatchedColumn; readonly at: number },
): Promise<void> {
  const was = `s.undo_texts_were[${at + 1}]`;
  const carried = `(${isGiven(`s.${quoteIdentifier(column.now.name)}`)})`;
  const about = column.fit === 'changed' ? '' : `AND NOT ${carried}`;
  const key =
    table.key === null
      ? 'NULL'
      : textsOf(
          table.key.map((part) => part.column),
          's',
        );
  // What a truncate removed has a place of its own, from which its rows are moved to another offset.
  const shown = `CASE WHEN NOT ${carried} AND ${table.notes === table.place} THEN ${was} END`;
  await connection.run(
    `INSERT INTO pg_temp.undo_retyped (place, key, detail, carried, side, at, name, was)
     SELECT ${table.notes}, ${key},
       ${quoteLiteral(column.change)} || CASE WHEN ${carried} THEN ''
         ELSE '; ' || quote_literal(left(${was}, 100)) || ' cannot be carried over' END, ${carried},
       '${side}', s.undo_texts_offset, ${quoteLiteral(column.now.name)}, ${shown}
     FROM ${rows} ${where === '' ? 'WHERE' : `${where} AND`} ${was} IS NOT NULL ${about}`,
  );
}
