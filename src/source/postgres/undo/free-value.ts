import { quoteIdentifier, quoteLiteral, quoteTable } from '../quote.ts';
import type { UniqueIndex } from './index-facts.ts';
import type { StagedTable } from './staged-table.ts';
import type { ColumnFacts, TableFacts } from './table-facts.ts';

const HINT =
  'Give one of these rows a value that no other has, and undo that as well (--on-conflict cascade): ';

/**
 * SQL for a hint with a statement that gives a row `alias` a value of a unique index that no other row
 * has, so that rows which exchange their values become a chain. Null where no such value is known.
 */
export function freeValueSql(
  table: StagedTable,
  { parts, reads, nullsNotDistinct }: UniqueIndex,
  alias: string,
): string | null {
  const { facts } = table;
  const named = parts.flatMap(({ column }) => (column === null ? [] : [column]));
  // Without a key the values that the row has now say which it is.
  const key = table.key?.map(({ column }) => column) ?? named;
  if (key.length === 0) return null;
  const may = new Set([...named, ...(reads ?? [])]);
  if (table.key !== null) for (const column of key) may.delete(column);
  const needed = new Set(facts.constraints.notNull.map(({ column }) => column));
  const found = facts.columns.flatMap((column) => {
    if (!may.has(column.name) || column.generated || column.identity === 'a') return [];
    const free =
      freeValue(facts, column) ?? (nullsNotDistinct || needed.has(column.name) ? null : 'NULL');
    return free === null ? [] : [{ name: column.name, free }];
  });
  // A column of the index itself, and the last one: the others say to what the value belongs.
  const chosen = found.findLast(({ name }) => named.includes(name)) ?? found.at(-1);
  if (chosen === undefined) return null;
  const update = `${HINT}UPDATE ${quoteTable(facts)} SET ${quoteIdentifier(chosen.name)} = ${chosen.free} WHERE `;
  const where = key.map(
    (column) =>
      `${quoteLiteral(`${quoteIdentifier(column)} = `)} || pg_catalog.quote_literal(${alias}.${quoteIdentifier(column)}::pg_catalog.text)`,
  );
  return `${quoteLiteral(update)} || ${where.join(` || ' AND ' || `)} || ';'`;
}

/** An expression of a value beyond all that the table has; null for a type of which none is known. */
function freeValue(facts: TableFacts, { name, type, kind, array }: ColumnFacts): string | null {
  if (array) return null;
  const above = (step: string): string =>
    `(SELECT max(${quoteIdentifier(name)}) + ${step} FROM ${quoteTable(facts)})`;
  if (kind === 'integer' || kind === 'decimal' || kind === 'date') return above('1');
  if (kind === 'timestamp' || kind === 'timestamptz') return above(`interval '1 day'`);
  if (type === 'uuid') return 'gen_random_uuid()';
  const isText = type === 'text' || type.startsWith('character varying');
  return isText ? 'left(gen_random_uuid()::text, 8)' : null;
}
