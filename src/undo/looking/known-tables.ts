import type { LoggedTable, LogReader, TableId } from '../../log/log.ts';
import { lastRecordBefore, type SearchableLog, type TableName } from './searchable-log.ts';

/**
 * A table of the log with the versions that are its own, whatever it was called at the time. Its
 * identity is the database's own number of it: a table that is renamed keeps its history, and another
 * one that takes the name does not get it.
 */
export interface KnownTable extends TableName {
  /** The database's own number; null when no version has it (logs of older Tidings): the name counts. */
  readonly id: string | null;
  /** Oldest first. */
  readonly versions: readonly LoggedTable[];
}

type Versions = readonly [LoggedTable, ...LoggedTable[]];

/** By the list of versions that they were made of: each log keeps the same list until it has more. */
const grouped = new WeakMap<readonly LoggedTable[], readonly Versions[]>();

/**
 * The versions of a log, by table, oldest first. Those that do not know their table go by name: they
 * belong to the first table that is known to have had it.
 */
export function groupVersions(log: LogReader): readonly Versions[] {
  const all = log.tables();
  let groups = grouped.get(all);
  if (groups === undefined) {
    groups = groupsOf(all);
    grouped.set(all, groups);
  }
  return groups;
}

/** All versions of the table that a version is one of. */
export function versionsBeside(log: LogReader, { id }: Pick<LoggedTable, 'id'>): Versions | null {
  return groupVersions(log).find((group) => group.some((each) => each.id === id)) ?? null;
}

function groupsOf(all: readonly LoggedTable[]): readonly Versions[] {
  const groups = new Map<string, [LoggedTable, ...LoggedTable[]]>();
  const firstNamed = new Map<string, string>();
  const add = (id: string, version: LoggedTable): void => {
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [version]);
    else group.push(version);
  };
  const versions = all.toSorted((one, other) => one.id - other.id);
  for (const version of versions) {
    if (version.origin === undefined) continue;
    const id = `id ${version.origin.id}`;
    const name = nameKey(version);
    if (!firstNamed.has(name)) firstNamed.set(name, id);
    add(id, version);
  }
  for (const version of versions) {
    if (version.origin !== undefined) continue;
    const name = nameKey(version);
    add(firstNamed.get(name) ?? `name ${name}`, version);
  }
  for (const group of groups.values()) group.sort((one, other) => one.id - other.id);
  return [...groups.values()];
}

/** What was found in a log the last time, and when: looking for last names reads the log. */
const found = new WeakMap<
  LogReader,
  { readonly of: readonly LoggedTable[]; readonly head: number; tables: readonly KnownTable[] }
>();

/** The tables that a log knows, under the names that they have now as far as the log tells. */
export async function knownTables(log: SearchableLog): Promise<readonly KnownTable[]> {
  const of = log.tables();
  const { head } = log;
  const last = found.get(log);
  if (last !== undefined && last.of === of && last.head === head) return last.tables;
  const tables = await readKnownTables(log);
  found.set(log, { of, head, tables });
  return tables;
}

async function readKnownTables(log: SearchableLog): Promise<readonly KnownTable[]> {
  const tables: KnownTable[] = [];
  for (const versions of groupVersions(log)) {
    const { schema, name } = await lastNamed(log, versions);
    const origin = versions.find((version) => version.origin !== undefined)?.origin;
    tables.push({ id: origin?.id ?? null, schema, name, versions });
  }
  return tables;
}

/**
 * The tables that a name means, the most recent last: those that have it now; else the one that had
 * it last. Several have had the same name to their end when a table was dropped and made anew.
 */
export function tablesNamed(tables: readonly KnownTable[], name: TableName): readonly KnownTable[] {
  const now = tables.filter((table) => isSameName(table, name));
  if (now.length > 0) return now.toSorted((one, other) => newestId(one) - newestId(other));
  const last = (table: KnownTable): number =>
    table.versions.findLast((version) => isSameName(version, name))?.id ?? -1;
  const before = tables.filter((table) => last(table) >= 0);
  return before.toSorted((one, other) => last(one) - last(other)).slice(-1);
}

/** The one table that a name means; null when the log has none of it. */
export async function tableNamed(log: SearchableLog, name: TableName): Promise<KnownTable | null> {
  return tablesNamed(await knownTables(log), name).at(-1) ?? null;
}

/**
 * The tables that a pattern means: those whose name it matches now, and of its other names those that
 * no table has now, with the table that had each last.
 */
export async function tablesMatching(
  log: SearchableLog,
  matches: (schema: string, name: string) => boolean,
): Promise<readonly KnownTable[]> {
  const tables = await knownTables(log);
  const meant = new Set<KnownTable>();
  const names = new Map(log.tables().map((version) => [nameKey(version), version]));
  const now = Map.groupBy(tables, nameKey);
  for (const [key, name] of names) {
    if (!matches(name.schema, name.name)) continue;
    for (const table of now.get(key) ?? tablesNamed(tables, name)) meant.add(table);
  }
  return tables.filter((table) => meant.has(table));
}

/** Numbers of these versions. */
export function idsOf(versions: readonly LoggedTable[]): ReadonlySet<TableId> {
  return new Set(versions.map(({ id }) => id));
}

export function isSameName(one: TableName, other: TableName): boolean {
  return one.schema === other.schema && one.name === other.name;
}

function newestId(table: KnownTable): number {
  return table.versions.at(-1)?.id ?? 0;
}

function nameKey({ schema, name }: TableName): string {
  return JSON.stringify([schema, name]);
}

/**
 * Where a table has had several names, its last change tells: a version that comes again keeps its
 * number, so the newest number need not be the last name.
 */
async function lastNamed(
  log: SearchableLog,
  versions: readonly [LoggedTable, ...LoggedTable[]],
): Promise<TableName> {
  const newest = versions.at(-1) ?? versions[0];
  if (versions.every((version) => isSameName(version, newest))) return newest;
  const last = await lastRecordBefore(log, { to: log.head, tables: idsOf(versions) });
  return last?.table ?? newest;
}
