import { qualifiedName, type TableDefinition } from '../../change/table.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import type { LoggedTable, LogRecord } from '../../log/log.ts';
import type { SnapshotTable } from '../../source/table-snapshot.ts';
import { keyColumns } from './row-key.ts';
import {
  readRecords,
  recordAt,
  type SearchableLog,
  type TableName,
  versionsOf,
} from './searchable-log.ts';

/** A table's versions around a moment. */
export interface PastVersions {
  /** The table as it was at the moment, as far as the log can tell. */
  readonly past: TableDefinition;
  /** The versions of the changes since, and the present one. */
  readonly later: readonly TableDefinition[];
  /** The versions that the log has, of `past` and `later`. */
  readonly logged: readonly LoggedTable[];
}

/** Which versions of a table count for what it was at an offset. */
export async function pastVersions(
  log: SearchableLog,
  table: TableName,
  offset: number,
  present: TableDefinition,
  signal: AbortSignal,
): Promise<PastVersions> {
  const versions = versionsOf(log, table);
  const before = await versionBefore(log, versions, offset, signal);
  const since: LogRecord[] = [];
  for (const version of versions) since.push(...(await firstOf(log, version, offset, signal)));
  since.sort((one, other) => one.offset - other.offset);
  const later = since.map((record) => record.table);
  const logged = [...new Set(before === null ? later : [before, ...later])];
  return { past: before ?? later[0] ?? present, later: [...later, present], logged };
}

/** Offsets that are read in one go on the way back to a table's last change. */
const STRETCH = 32_768;

/** The version of the last change before an offset; null when the log has none. */
async function versionBefore(
  log: SearchableLog,
  versions: readonly LoggedTable[],
  offset: number,
  signal: AbortSignal,
): Promise<LoggedTable | null> {
  const tables = new Set(versions.map(({ id }) => id));
  if (tables.size === 0) return null;
  for (let to = offset; to > log.floor;) {
    const from = Math.max(log.floor, to - STRETCH);
    let last: LoggedTable | null = null;
    for await (const record of readRecords(log, { from, to, tables }, signal)) last = record.table;
    if (last !== null) return last;
    to = from;
  }
  return null;
}

/** A version's first change from an offset on, if there is one. */
async function firstOf(
  log: SearchableLog,
  version: LoggedTable,
  from: number,
  signal: AbortSignal,
): Promise<readonly LogRecord[]> {
  const request = { from, to: log.head, tables: new Set([version.id]), limit: 1 };
  for await (const record of readRecords(log, request, signal)) return [record];
  return [];
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
 * The names of the columns that identify a row in all versions; null when that is not the same in
 * all of them, or nothing does: then rows are told apart by all of their values.
 */
export function sharedKey(
  { past, logged }: PastVersions,
  available: readonly string[],
): readonly string[] | null {
  const key = namesOf(past);
  const text = JSON.stringify(key);
  const same = logged.every((version) => JSON.stringify(namesOf(version)) === text);
  return key.length > 0 && same && key.every((name) => available.includes(name)) ? key : null;
}

function namesOf(table: TableDefinition): readonly string[] {
  return keyColumns(table).map(({ name }) => name);
}
