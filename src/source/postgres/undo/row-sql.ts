import { quoteIdentifier, quoteLiteral } from '../quote.ts';
import { isNull } from './null-sql.ts';
import type { StagedTable } from './staged-table.ts';
import { textsOf } from './texts-of.ts';

/** Rows of the table itself go by these, those that are staged by others. */
const OF_TABLE: ReadonlySet<string> = new Set(['t', 'r']);

/** `alias.a, alias.b` for all columns of the undo; of a domain as the type below it, as it is staged. */
export function columnList(table: StagedTable, alias: string): string {
  const bases = new Map(table.facts.columns.map(({ name, base }) => [name, base]));
  return table.columns
    .map(({ name }) => {
      const base = bases.get(name) ?? null;
      const value = OF_TABLE.has(alias)
        ? `${alias}.${quoteIdentifier(name)}`
        : table.staged(alias, name);
      return base === null ? value : `${value}::${base}`;
    })
    .join(', ');
}

/** `alias.a, alias.b` for the key. */
export function keyList(table: StagedTable, alias: string): string {
  return keyOf(table)
    .map(({ column }) => `${alias}.${quoteIdentifier(column)}`)
    .join(', ');
}

/** True when both rows have the same key. */
export function sameKey(table: StagedTable, left: string, right: string): string {
  return keyOf(table)
    .map(({ column, operator }) => {
      const name = quoteIdentifier(column);
      return `${left}.${name} ${operator} ${right}.${name}`;
    })
    .join(' AND ');
}

/** True for a row of an outer join that found nothing: key columns are never null. */
export function noRow(table: StagedTable, alias: string): string {
  return isNull(`${alias}.${quoteIdentifier(keyOf(table)[0]?.column ?? '')}`);
}

/**
 * True when both rows hold the same values. The images decide quickly; where they differ the texts
 * do, because some types have several images of one value.
 */
export function sameRow(table: StagedTable, left: string, right: string): string {
  const [one, other] = [`ROW(${columnList(table, left)})`, `ROW(${columnList(table, right)})`];
  // Without the casts it would be a comparison column by column.
  return `(${one}::record OPERATOR(pg_catalog.*=) ${other}::record OR ${one}::text = ${other}::text)`;
}

/** The whole row as one text: what a row of a table without a key goes by. */
export function rowText(table: StagedTable, alias: string): string {
  return `ROW(${columnList(table, alias)})::text`;
}

/**
 * True for a row of the table with nothing of its own in the columns that the undo does not know,
 * because they were added since: no value, or the one that adding the column gave to every row.
 */
export function hasNothingAdded(table: StagedTable, alias: string): string {
  const untouched = table.addedColumns.map((name) => {
    const value = `${alias}.${quoteIdentifier(name)}`;
    const initial = table.facts.columns.find((column) => column.name === name)?.initial ?? null;
    const none = `pg_catalog.format('%s', ${value}) = ${quoteLiteral(initial ?? '')}`;
    return initial === null ? isNull(value) : `(${isNull(value)} OR ${none})`;
  });
  return untouched.length === 0 ? 'true' : `(${untouched.join(' AND ')})`;
}

/** The key as an array of texts, by the types' own output functions. */
export function keyTexts(table: StagedTable, alias: string): string {
  return textsOf(
    keyOf(table).map(({ column }) => column),
    alias,
  );
}

export function arrayLiteral(texts: readonly string[]): string {
  return `ARRAY[${texts.map(quoteLiteral).join(', ')}]::text[]`;
}

export function keyOf(table: StagedTable): NonNullable<StagedTable['key']> {
  const { key } = table;
  if (key === null) throw new Error(`${table.facts.name} has no key`);
  return key;
}
