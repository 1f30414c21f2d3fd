import type { LoggedMark, LoggedTable, LogReader, LogRecord, TableId } from '../log/log.ts';
import { isMarkOf } from './looking/marks-since.ts';

/**
 * Versions that partitions had while they were no part of their table, as versions of the table that they
 * are a part of again: its rows are undone there. By the number of the version in the log.
 */
export type VersionsAway = ReadonlyMap<TableId, LoggedTable>;

/** The versions that the partition of a mark has had while it was no part of the mark's table. */
export function ownVersions(log: LogReader, { partition, origin }: LoggedMark): LoggedTable[] {
  const id = partition?.id;
  return log
    .tables()
    .filter(
      (version) =>
        (version.origin?.id === id && version.origin?.partition === undefined) ||
        (version.origin?.partition?.id === id && origin !== null && version.origin?.id !== origin),
    );
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
    for (const own of ownVersions(log, mark)) {
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
