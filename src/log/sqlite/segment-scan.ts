import type { Block } from './block.ts';
import type { PageCollector } from './page-collector.ts';
import type { SegmentReader } from './segment-reader.ts';

/** Offsets from `from` to before `to`, within one segment. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Offers all records of a range to the page. @returns where reading goes on. */
export function scanAll(
  segment: SegmentReader,
  collector: PageCollector,
  range: OffsetRange,
): number {
  return offer(segment.blocks(range.from, range.to), segment, collector, range);
}

/**
 * Offers the records of a range to the page, but passes over the stretches that have none of the
 * tables.
 * @param tables JSON array of table numbers.
 * @returns where reading goes on.
 */
export function scanTables(
  segment: SegmentReader,
  collector: PageCollector,
  range: OffsetRange,
  tables: string,
): number {
  let next = range.from;
  while (next < range.to) {
    const window = segment.nextWindow(tables, next);
    if (window === null || window.first >= range.to) return range.to;
    const part = { from: window.first, to: range.to };
    const blocks = segment.blocks(part.from, Math.min(window.end, range.to));
    next = offer(blocks, segment, collector, part);
    if (collector.done) break;
  }
  return next;
}

function offer(
  blocks: Iterable<Block>,
  segment: SegmentReader,
  collector: PageCollector,
  range: OffsetRange,
): number {
  let next = range.from;
  for (const block of blocks) {
    next = collector.take(segment, block, { from: next, to: range.to });
    if (collector.done) break;
  }
  return next;
}
