import { qualifiedName } from '../../change/table.ts';
import type { LoggedTable } from '../../log/log.ts';
import { byNameNote } from '../../undo/looking/by-name-note.ts';
import { idsOf, isSameName, knownTables, tablesNamed } from '../../undo/looking/known-tables.ts';
import {
  readRecords,
  type SearchableLog,
  type TableName,
} from '../../undo/looking/searchable-log.ts';

/** The table that a person means, as the log has it. */
export interface NamedTable {
  /** All versions that are its own, under whatever name. */
  readonly versions: readonly LoggedTable[];
  /** What the name leaves open, in sentences. */
  readonly notes: readonly string[];
}

/** Finds out which of the tables that ever had a name is meant, and says so where there are several. */
export async function namedTable(
  log: SearchableLog,
  name: TableName,
  signal: AbortSignal,
): Promise<NamedTable> {
  const tables = await knownTables(log);
  const table = tablesNamed(tables, name).at(-1);
  if (table === undefined) return { versions: [], notes: [] };
  const asked = qualifiedName(name);
  const notes: string[] = [];
  if (!isSameName(table, name)) notes.push(`${asked} is called ${qualifiedName(table)} now.`);
  const others = tables.filter(
    (other) => other !== table && other.versions.some((version) => isSameName(version, name)),
  );
  for (const other of others) {
    notes.push(
      isSameName(other, name)
        ? `Another table was called ${asked} before, and is gone; this is the one that came after it.`
        : `Another table was called ${asked} before; its changes are under ${qualifiedName(other)}.`,
    );
  }
  const byName = await byNameNote(log, table.versions, signal);
  return { versions: table.versions, notes: byName === null ? notes : [...notes, byName] };
}

/** Changes of which no key is known may be of any row: says how many there are; null when none. */
export async function countUnknownKeys(
  log: SearchableLog,
  versions: readonly LoggedTable[],
  signal: AbortSignal,
): Promise<string | null> {
  const tables = idsOf(versions.filter(({ keyUnknown }) => keyUnknown === true));
  if (tables.size === 0) return null;
  let count = 0;
  const request = { from: log.floor, to: log.head, tables };
  for await (const { operation } of readRecords(log, request, signal)) {
    if (operation !== 'truncate') count += 1;
  }
  if (count === 0) return null;
  return count === 1
    ? 'The key of 1 change of this table is not known; it may be of this row.'
    : `The keys of ${count} changes of this table are not known; they may be of this row.`;
}
