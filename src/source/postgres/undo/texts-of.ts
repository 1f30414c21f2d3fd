import { quoteIdentifier } from '../quote.ts';

/** Columns as an array of texts, by the types' own output functions. */
export function textsOf(columns: readonly string[], alias: string): string {
  const texts = columns.map((name) => `pg_catalog.format('%s', ${alias}.${quoteIdentifier(name)})`);
  return `ARRAY[${texts.join(', ')}]::pg_catalog.text[]`;
}
