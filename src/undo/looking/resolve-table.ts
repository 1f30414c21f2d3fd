import { qualifiedName } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { SearchableLog, TableName } from './searchable-log.ts';

/** How many tables an error lists. */
const LISTED = 12;

/**
 * The table that a person means: `schema.name`, or the name alone where only one schema has it.
 * @throws TidingsError `TABLE_AMBIGUOUS`; `TABLE_NOT_LOGGED` when the log has no change of it.
 */
export function resolveTable(log: SearchableLog, source: string, text: string): TableName {
  const tables = new Map<string, TableName>();
  for (const { schema, name } of log.tables()) tables.set(`${schema}.${name}`, { schema, name });
  const exact = tables.get(text);
  if (exact !== undefined) return exact;
  const named = [...tables.values()].filter(({ name }) => name === text);
  const [only, ...others] = named;
  if (only === undefined) {
    const details = { source, table: text, tables: listed([...tables.keys()]) };
    throw new TidingsError('TABLE_NOT_LOGGED', details);
  }
  if (others.length > 0) {
    const details = { source, table: text, tables: listed(named.map(qualifiedName)) };
    throw new TidingsError('TABLE_AMBIGUOUS', details);
  }
  return only;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'no table yet';
  const shown = names.toSorted().slice(0, LISTED).join(', ');
  return names.length > LISTED ? `${shown} and ${names.length - LISTED} more` : shown;
}
