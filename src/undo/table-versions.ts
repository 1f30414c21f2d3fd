import { qualifiedName } from '../change/table.ts';
import type { LoggedTable, LogReader } from '../log/log.ts';
import type { TableName } from '../source/undo-target.ts';

/**
 * The versions of a table that the log has, oldest first, whatever it was called. A version that does
 * not know its table's number belongs to its name.
 */
export function versionsOf(log: LogReader, table: TableName): readonly LoggedTable[] {
  return log.tables().filter((version) => isVersionOf(version, table));
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

/** Whether a version is of this table. */
export function isVersionOf({ schema, name, origin }: LoggedTable, table: TableName): boolean {
  if (origin !== undefined && table.id !== undefined) return origin.id === table.id;
  return schema === table.schema && name === table.name;
}
