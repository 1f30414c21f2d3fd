import { isDeepStrictEqual } from 'node:util';
import type { MarkCapture } from '../../change/mark.ts';
import type { LoggedMark } from '../../log/log.ts';
import type { CaptureNow } from '../../source/table-snapshot.ts';
import { isTurn } from './marks-since.ts';
import type { SearchableLog } from './searchable-log.ts';

/**
 * What was done to a partition from a mark on.
 * @param until the last one; default: all there are.
 */
function turnsFrom(
  log: SearchableLog,
  mark: LoggedMark,
  until?: LoggedMark,
): readonly LoggedMark[] {
  const marks = log.marks();
  const to = until === undefined ? marks.length : marks.indexOf(until) + 1;
  return marks
    .slice(marks.indexOf(mark), to)
    .filter((each) => each.partition?.id === mark.partition?.id && isTurn(each));
}

/**
 * Whether all changes of a partition between these marks of it are in the log: what they were captured
 * by after each is what they were captured by before the next. Undefined when the marks do not say.
 */
function isUnbroken(turns: readonly LoggedMark[]): boolean | undefined {
  let last: MarkCapture | undefined;
  for (const { capture } of turns) {
    if (capture === undefined) return undefined;
    // One command takes a partition from one table and gives it to another.
    if (isDeepStrictEqual(capture, last)) continue;
    if (last !== undefined && (last.after === null || last.after !== capture.before)) return false;
    last = capture;
  }
  return true;
}

/** Whether the log has every change of a partition from a mark on up to the present. */
export function isCapturedSince(log: SearchableLog, mark: LoggedMark, now: CaptureNow): boolean {
  const { transaction } = mark;
  if (transaction === null) return false;
  const turns = turnsFrom(log, mark);
  const isWhole = isUnbroken(turns);
  if (isWhole === undefined) return now.captured === 'all' && !now.addedAfter(transaction);
  return isWhole && now.capture !== null && turns.at(-1)?.capture?.after === now.capture;
}

/** Whether the log has every change of a partition between two marks; undefined when they do not say. */
export function isCapturedBetween(
  log: SearchableLog,
  mark: LoggedMark,
  until: LoggedMark,
): boolean | undefined {
  return isUnbroken(turnsFrom(log, mark, until));
}
