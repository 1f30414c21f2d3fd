import { qualifiedName } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { SnapshotTable, SourceSnapshot } from '../../source/table-snapshot.ts';
import { type KnownTable, knownTables, tablesNamed } from './known-tables.ts';
import { questionOf } from './resolve-table.ts';
import type { SearchableLog, TableName } from './searchable-log.ts';

/** A table as it is now, with what the log has of that very table. */
export interface PresentTable {
  readonly present: SnapshotTable;
  readonly table: KnownTable;
}

/**
 * The table that a name means: the one that has it now, else the one that had it last, wherever that
 * is now. What the log has of another table that had the name before is not its.
 * @throws TidingsError `AS_OF_NO_TABLE`
 */
export async function findPresent(
  snapshot: SourceSnapshot,
  log: SearchableLog,
  source: string,
  name: TableName,
): Promise<PresentTable> {
  const tables = await knownTables(log);
  const named = tablesNamed(tables, name).at(-1);
  let present = await snapshot.describe(name);
  if (present === null && typeof named?.id === 'string') {
    present = await snapshot.describe({ id: named.id });
  }
  if (present === null) {
    const table = qualifiedName(name);
    throw new TidingsError('AS_OF_NO_TABLE', { source, table, question: questionOf(log, [table]) });
  }
  const id = present.definition.origin?.id ?? null;
  const same = tables.find((table) => table.id !== null && table.id === id);
  if (same !== undefined) return { present, table: same };
  // A log of an older Tidings knows tables by their names alone.
  if (named?.id === null) return { present, table: named };
  const { schema, name: current } = present.definition;
  return { present, table: { id, schema, name: current, versions: [] } };
}
