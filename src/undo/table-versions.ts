import { qualifiedName, type TableDefinition } from '../change/table.ts';
import type { LoggedTable, LogReader } from '../log/log.ts';
import type { TableName } from '../source/undo-target.ts';
import { groupVersions } from './looking/known-tables.ts';

/**
 * The versions of a table that the log has, oldest first, whatever it was called. A version that does
 * not know its table's number belongs to the first table that is known to have had its name.
 */
export function versionsOf(log: LogReader, table: TableName): readonly LoggedTable[] {
  const { id, schema, name } = table;
  const isNamed = (version: LoggedTable): boolean =>
    version.schema === schema && version.name === name;
  if (id === undefined) return log.tables().filter(isNamed);
  const groups = groupVersions(log);
  return (
    groups.find((group) => group.some(({ origin }) => origin?.id === id)) ??
    groups.find((group) => group.every((each) => each.origin === undefined && isNamed(each))) ??
    []
  );
}

/** For versions without a number that of the table they belong to, where a later version has it. */
export function presumedTables(log: LogReader): ReadonlyMap<TableDefinition, string> {
  const presumed = new Map<TableDefinition, string>();
  for (const group of groupVersions(log)) {
    const id = group.find(({ origin }) => origin !== undefined)?.origin?.id;
    if (id === undefined) continue;
    for (const each of group) if (each.origin === undefined) presumed.set(each, id);
  }
  return presumed;
}

/** The table of a version, under the name and by the number that it had then. */
export function tableOf({ schema, name, origin }: LoggedTable): TableName {
  return { schema, name, ...(origin === undefined ? {} : { id: origin.id }) };
}

/** What a change of a version was made to, in words: the table, or a partition of it. */
export function placeInWords({ origin, ...table }: LoggedTable): string {
  const name = qualifiedName(table);
  const partition = origin?.partition;
  return partition === undefined ? name : `partition ${qualifiedName(partition)} of ${name}`;
}
