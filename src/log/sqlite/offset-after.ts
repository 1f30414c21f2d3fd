import type { LoggedTransaction } from '../log.ts';
import type { LogView } from './log-view.ts';
import { SegmentReader } from './segment-reader.ts';

/**
 * The first offset whose transaction lies after a position; offsets grow with positions.
 * @param pending whole transactions that no segment has yet.
 */
export function offsetAfter(
  position: string,
  view: LogView,
  pending: readonly LoggedTransaction[],
): number {
  const last = pending.findLast((transaction) => transaction.position <= position);
  if (last !== undefined) return last.last + 1;
  for (const { path, first } of view.segments.toReversed()) {
    using segment = new SegmentReader(path);
    const found = segment.endUpTo(position, view.head);
    if (found !== null) return found;
    // The oldest segment begins after it: then nothing that is left had happened by then.
    if (first === view.segments[0]?.first) return first;
  }
  return view.head;
}
