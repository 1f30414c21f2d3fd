import type { LoggedMark, LoggedTable, LogReader, LogRecord, TableId } from '../log/log.ts';
import { isMarkOf } from './looking/marks-since.ts';

/**
 * Versions that partitions had while they were tables of their own, as versions of the table that they
 * are a part of again: its rows are undone there. By the number of the version in the log.
 */
export type VersionsAway = ReadonlyMap<TableId, LoggedTable>;

/** The versions that a partition has had as a table of its own. */
export function ownVersions(log: LogReader, partition: { readonly id: string }): LoggedTable[] {
  return log
    .tables()
    .filter(({ origin }) => origin?.id === partition.id && origin.partition === undefined);
}

/** @param marks of partitions that left their table in the range of the undo and came back. */
export function versionsAway(log: LogReader, marks: readonly LoggedMark[]): VersionsAway {
  const away = new Map<TableId, LoggedTable>();
  for (const mark of marks) {
    const { partition, origin } = mark;
    const root = log.tables().findLast((version) => isMarkOf(mark, version));
    const id = origin ?? root?.origin?.id;
    if (partition === null || root === undefined || id === undefined) continue;
    const names = root.key.map((index) => root.columns[index]?.name);
    for (const own of ownVersions(log, partition)) {
      const key = names.map((name) => own.columns.findIndex((column) => column.name === name));
      away.set(own.id, {
        ...own,
        schema: root.schema,
        name: root.name,
        key: key.includes(-1) ? [] : key,
        origin: { id, partition },
      });
    }
  }
  return away;
}

/** A change as one of the table that its row is in now. */
export function asPart(record: LogRecord, away: VersionsAway): LogRecord {
  const table = away.get(record.table.id);
  return table === undefined ? record : { ...record, table };
}
