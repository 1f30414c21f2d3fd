import { qualifiedName } from '../change/table.ts';
import type { LoggedMark, LoggedTable } from '../log/log.ts';
import { groupVersions } from './looking/known-tables.ts';
import { boundaryAt, isMarkOf, placeOf } from './looking/marks-since.ts';
import { parseMoment } from './looking/moment.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import type { PartitionChange, PartitionScope } from './partition-changes.ts';
import type { UndoConflict, UndoRequest } from './undo-plan.ts';

/**
 * The selected tables of which the log does not know all that was done to their partitions. A version
 * of Tidings that knew no table's number captured partitions as their table: then the database passes
 * over the truncate of one partition, and nothing tells of those that came or went (invariant 14).
 * They stand against going back to a moment; other undos take back what was captured, and say so.
 */
export async function findUnwatched(
  log: SearchableLog,
  request: UndoRequest,
  scope: PartitionScope,
): Promise<readonly PartitionChange[]> {
  const { from, transaction, tables } = scope;
  const isOld = ({ origin }: LoggedTable): boolean => origin === undefined;
  if (!log.tables().some(isOld)) return [];
  const isMet = ({ kind, transaction: made }: LoggedMark): boolean =>
    kind === 'present' && made === null;
  const marks = log.marks().filter(isMet);
  const isWithin = await withinOf(log, request, from);
  return groupVersions(log).flatMap((versions): PartitionChange[] => {
    if (tables !== undefined && !versions.some(({ id }) => tables.has(id))) return [];
    // A table without changes from then was captured then if it was met at the first look.
    const known = versions.some(isOld);
    const mark = marks.find(
      (each) =>
        (known || each.since === marks[0]?.since) &&
        versions.some((version) => isMarkOf(each, version)),
    );
    if (mark === undefined) return [];
    if (transaction === null ? !isWithin(mark) : transaction.last >= mark.offset) return [];
    return [{ mark, lasting: 'to' in request, unwatched: true }];
  });
}

async function withinOf(
  log: SearchableLog,
  request: UndoRequest,
  from: number,
): Promise<(mark: LoggedMark) => boolean> {
  if ('transaction' in request) return () => false;
  const moment = parseMoment(String('to' in request ? request.to : request.since));
  // Just before the change at an offset is after all that was met before it.
  if ('offset' in moment) return (mark) => from < mark.offset;
  const begin = await boundaryAt(log, moment, from);
  return (mark) => placeOf(mark, begin) !== 'before';
}

/** For a plan that has to give what a table held. */
export function describeUnwatched(mark: LoggedMark): UndoConflict {
  return {
    reason: 'partition-changed',
    table: qualifiedName(mark),
    key: null,
    transaction: null,
    rows: 1,
    message: `Not all that was done to partitions of ${qualifiedName(mark)} before offset ${mark.offset} is known: ${WHY}`,
    hint: `Go back to a moment after that (--to ${mark.offset}), or undo the changes that the log has: --on-conflict skip.`,
  };
}

/** For any other. */
export function unwatchedWarning(mark: LoggedMark): string {
  return `A partition of ${qualifiedName(mark)} that was truncated, attached, detached or dropped before offset ${mark.offset} left no trace: ${WHY} What it did to rows is not undone.`;
}

const WHY =
  'until then an older version of Tidings captured it, which was not told of a single partition.';
