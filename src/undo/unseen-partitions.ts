import { qualifiedName } from '../change/table.ts';
import { formatMicros } from '../change/time.ts';
import type { LoggedMark, LoggedTransaction } from '../log/log.ts';
import { type Boundary, isMarkOf, isWatchedAt } from './looking/marks-since.ts';
import type { SearchableLog } from './looking/searchable-log.ts';

/**
 * Partitioned tables whose changes a log has from before it noted what is done to partitions (an older
 * Tidings captured them through their root): a TRUNCATE of one partition is not in it, nor that one was
 * attached or detached. Told by the mark of the first look at each table, where that lies after the
 * beginning of an undo.
 * @param isSelected whether a mark is of a selected table.
 */
export function unseenMarks(
  log: SearchableLog,
  begin: Boundary | LoggedTransaction,
  isSelected: (mark: LoggedMark) => boolean,
): readonly LoggedMark[] {
  const first = new Map<string, LoggedMark>();
  for (const mark of log.marks()) {
    if (mark.partition === null || !isSelected(mark)) continue;
    const table = mark.origin ?? qualifiedName(mark);
    if (!first.has(table)) first.set(table, mark);
  }
  const isBefore = (mark: LoggedMark): boolean =>
    'moment' in begin ? isWatchedAt(mark, begin) : mark.offset <= begin.first;
  return [...first.values()].filter(
    (mark) => mark.transaction === null && !isBefore(mark) && hasOldVersions(log, mark),
  );
}

function hasOldVersions(log: SearchableLog, mark: LoggedMark): boolean {
  return log.tables().some((version) => version.origin === undefined && isMarkOf(mark, version));
}

/** What is not known, in words. */
export function unseenText(mark: LoggedMark): string {
  return `what was done to partitions of ${qualifiedName(mark)} before ${formatMicros(mark.at)} (a TRUNCATE of one, ATTACH, DETACH) is not in the log, which an older version wrote`;
}
