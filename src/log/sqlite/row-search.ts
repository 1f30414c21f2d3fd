import { hashKey, TRUNCATE_KEY } from './key-hash.ts';
import type { PageCollector } from './page-collector.ts';
import type { SegmentReader } from './segment-reader.ts';
import { type OffsetRange, scanTables } from './segment-scan.ts';

/** A row to look for. */
export interface RowSearch {
  /** Where the hashes of its table's keys start: one for each name that the table has had. */
  readonly seeds: ReadonlySet<number>;
  readonly key: string;
  /** JSON array of the table's versions. */
  readonly tables: string;
}

/**
 * Offers to the page the blocks in which the key index knows of the row, and then the records that
 * are in no run yet. The page itself compares the keys: different ones may share a hash.
 * @returns where searching goes on.
 */
export function findInSegment(
  segment: SegmentReader,
  collector: PageCollector,
  range: OffsetRange,
  search: RowSearch,
): number {
  const hashes = new Set(
    [...search.seeds].flatMap((seed) => [hashKey(seed, search.key), hashKey(seed, TRUNCATE_KEY)]),
  );
  let next = range.from;
  for (const run of segment.runs(next)) {
    if (run.first >= range.to) return range.to;
    const offsets = [...hashes].flatMap((hash) => segment.keyed(run, hash));
    for (const offset of offsets.sort((a, b) => a - b)) {
      if (offset < next) continue;
      if (offset >= range.to) return range.to;
      for (const block of segment.blocks(offset, offset + 1)) {
        next = collector.take(segment, block, { from: offset, to: range.to });
      }
      if (collector.done) return next;
    }
    next = Math.max(next, run.last + 1);
    if (next >= range.to) return range.to;
    if (collector.done) return next;
  }
  return scanTables(segment, collector, { from: next, to: range.to }, search.tables);
}
