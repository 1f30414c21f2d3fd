import { qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LoggedTable, LogRecord } from '../../log/log.ts';
import type { SnapshotTable } from '../../source/table-snapshot.ts';
import { keyColumns } from './row-key.ts';
import { idsOf } from './known-tables.ts';
import type { PastColumns } from './past-columns.ts';
import type { PresentColumns } from './present-columns.ts';
import { firstRecord, lastRecordBefore, recordAt, type SearchableLog } from './searchable-log.ts';

/** A table's versions around a moment. */
export interface PastVersions {
  /** The table as it was at the moment, as far as the log can tell. */
  readonly past: TableDefinition;
  /** The versions of the changes since, and the present one. */
  readonly later: readonly TableDefinition[];
  /** The versions that the log has, of `past` and `later`. */
  readonly logged: readonly LoggedTable[];
}

/**
 * Which versions of a table count for what it was at an offset.
 * @param present the table now, and partitions that have left it.
 */
export async function pastVersions(
  log: SearchableLog,
  versions: readonly LoggedTable[],
  offset: number,
  present: { readonly table: TableDefinition; readonly detached: readonly TableDefinition[] },
  signal: AbortSignal,
): Promise<PastVersions> {
  const last = await lastRecordBefore(log, { to: offset, tables: idsOf(versions) }, signal);
  const before = last?.table ?? null;
  const since: LogRecord[] = [];
  for (const { id } of versions) {
    const request = { from: offset, to: log.head, tables: new Set([id]) };
    const first = await firstRecord(log, request, signal);
    if (first !== null) since.push(first);
  }
  since.sort((one, other) => one.offset - other.offset);
  const later = since.map((record) => record.table);
  const logged = [...new Set(before === null ? later : [before, ...later])];
  const all = [...later, ...present.detached, present.table];
  return { past: before ?? later[0] ?? present.table, later: all, logged };
}

/**
 * A table of which only inserts are published has changed without the log knowing.
 * @throws TidingsError `AS_OF_NOT_CAPTURED`
 */
export function requireAllCaptured(versions: PastVersions, present: SnapshotTable): void {
  const { captured } = present;
  const table = qualifiedName(present.definition);
  const partly = versions.logged.some(({ identity }) => identity === 'nothing');
  if (captured === 'all' && !partly) return;
  const what =
    captured === 'none'
      ? 'not at all'
      : 'inserts, because it has or had no replica identity, and its updates and deletes are not reported';
  throw new TidingsError('AS_OF_NOT_CAPTURED', { table, captured: what });
}

/**
 * A table that was added to capture later changed before that without the log knowing. The database
 * tells which transaction added it: it has to be older than one of those around the offset.
 * @throws TidingsError `AS_OF_ADDED_LATER`
 */
export async function requireCapturedThen(
  log: SearchableLog,
  present: SnapshotTable,
  offset: number,
): Promise<void> {
  const around: { readonly id: string }[] = [];
  if (offset > log.floor) around.push((await recordAt(log, offset - 1)).transaction);
  if (offset < log.head) around.push((await recordAt(log, offset)).transaction);
  if (around.length === 0 || !around.every((each) => present.addedAfter(each))) return;
  const table = qualifiedName(present.definition);
  throw new TidingsError('AS_OF_ADDED_LATER', { table, offset });
}

/**
 * The present names of the columns that identify a row in all versions; null when that is not the
 * same in all of them, or nothing does: then rows are told apart by all of their values.
 */
export function sharedKey(
  { past, logged }: PastVersions,
  { present, renamedValues }: PastColumns,
  names: PresentColumns,
): readonly string[] | null {
  const namesOf = (table: TableDefinition): readonly (string | null)[] =>
    keyColumns(table).map((column) => names.nameNow(table, column));
  const text = JSON.stringify(namesOf(past));
  if (past.key.length === 0 || logged.some((each) => JSON.stringify(namesOf(each)) !== text)) {
    return null;
  }
  const key = namesOf(past).filter((name) => name !== null);
  // Under which text a row with such a value is known depends on when it was changed.
  const usable = key.every((name) => present.includes(name) && !renamedValues.has(name));
  return usable && key.length === past.key.length ? key : null;
}
