import type { LoggedTable, LogReader, LogRecord, TableId } from '../../log/log.ts';
import { groupVersions, idsOf } from './known-tables.ts';
import { findRecords, type SearchableLog } from './searchable-log.ts';

/**
 * The versions whose rows a truncate removed: those of its table, or, where it emptied a single
 * partition, those of that partition and those that do not say which partition they are of.
 */
export function truncatedVersions(
  log: LogReader,
  { id, origin }: LoggedTable,
): readonly LoggedTable[] {
  const versions = groupVersions(log).find((group) => group.some((each) => each.id === id)) ?? [];
  const partition = origin?.partition?.id;
  if (partition === undefined) return versions;
  return versions.filter((each) => {
    const other = each.origin?.partition?.id;
    return other === undefined || other === partition;
  });
}

/** What came before a truncate. */
export interface BeforeTruncate {
  /** The versions whose rows it removed. */
  readonly tables: ReadonlySet<TableId>;
  /** The last truncate of all these rows before it; null when the log has not seen them gone before. */
  readonly emptied: number | null;
}

/** Where the history of the rows that a truncate removed is in the log, as far as it goes back. */
export async function beforeTruncate(
  log: SearchableLog,
  { table, offset }: LogRecord,
  signal: AbortSignal,
): Promise<BeforeTruncate> {
  const versions = truncatedVersions(log, table);
  const tables = idsOf(versions);
  const partition = table.origin?.partition?.id;
  // Truncates are in the index under every key of their table, so also under one that none has.
  const request = { tables, key: '', from: log.floor, to: offset };
  let emptied: number | null = null;
  for await (const record of findRecords(log, request, signal)) {
    if (record.operation !== 'truncate') continue;
    const other = record.table.origin?.partition?.id;
    // One of another partition, or of a single one of several, has left rows.
    if (other === undefined || other === partition) emptied = record.offset;
  }
  return { tables, emptied };
}
