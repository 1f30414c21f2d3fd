import { quoteIdentifier } from '../quote.ts';
import type { StagedPairs } from './staged-pairs.ts';
import type { StagedTable } from './staged-table.ts';
import type { ColumnFacts } from './table-facts.ts';

/** Types whose equal values are always the same value, written the same way. */
const EXACT: ReadonlySet<string> = new Set([
  'bigint',
  'boolean',
  'bytea',
  'date',
  'integer',
  'smallint',
  'timestamp with time zone',
  'timestamp without time zone',
  'uuid',
]);
/** The same where texts are compared byte by byte, whatever collation the column has. */
const EXACT_TEXT: ReadonlySet<string> = new Set(['text', 'character varying']);

/**
 * True when a row `t` of the table has the values that the update `p` left. It says what `sameRow` says,
 * several times as fast: most columns are compared as they are, without making rows of them, which
 * would be a third of the cost of an undo.
 */
export function hasValuesLeft(table: StagedTable, pairs: StagedPairs): string {
  const conditions: string[] = [];
  const others: string[] = [];
  const exact = new Map(table.facts.columns.map((column) => [column.name, exactly(column)]));
  for (const { name } of table.columns) {
    const [now, left] = [`t.${quoteIdentifier(name)}`, pairs.newValue('p', name)];
    const compare = exact.get(name) ?? null;
    if (compare === null) others.push(name);
    else conditions.push(`(${compare(now, left)} OR (${now} IS NULL AND ${left} IS NULL))`);
  }
  if (others.length > 0) {
    const now = `ROW(${others.map((name) => `t.${quoteIdentifier(name)}`).join(', ')})`;
    const left = `ROW(${others.map((name) => pairs.newValue('p', name)).join(', ')})`;
    conditions.push(
      `(${now}::pg_catalog.record OPERATOR(pg_catalog.*=) ${left}::pg_catalog.record
        OR ${now}::pg_catalog.text OPERATOR(pg_catalog.=) ${left}::pg_catalog.text)`,
    );
  }
  return conditions.join(' AND ');
}

type Compare = (now: string, left: string) => string;

/** How two values that are no nulls are compared to the letter; null when only their images can be. */
function exactly({ type, array }: ColumnFacts): Compare | null {
  const plain = type.replace(/\(.*?\)/, '');
  if (array) return null;
  if (EXACT.has(plain)) return (now, left) => `${now} OPERATOR(pg_catalog.=) ${left}`;
  if (!EXACT_TEXT.has(plain)) return null;
  return (now, left) => `${now} COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) ${left}`;
}
