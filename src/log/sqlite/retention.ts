/** A segment as retention looks at it. */
export interface SegmentSummary {
  readonly first: number;
  /** The offset after its last record. */
  readonly end: number;
  readonly bytes: number;
  /** When its newest transaction committed; microseconds since 1970-01-01 UTC. */
  readonly newest: number;
}

export interface RetentionRequest {
  /** Oldest first. */
  readonly segments: readonly SegmentSummary[];
  /**
   * Segments whose newest transaction is older are removed; microseconds since 1970-01-01 UTC, null
   * for no limit.
   */
  readonly since: number | null;
  /** Above this size the oldest segments are removed, all but the newest; null for no limit. */
  readonly maxBytes: number | null;
}

/**
 * The offset from which a log is kept by its limits alone, whoever needs what. Only whole segments at
 * the log's beginning go. When even the newest segment is too old, this is the head.
 */
export function retainFrom({ segments, since, maxBytes }: RetentionRequest): number {
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  let floor = segments[0]?.first ?? 0;
  for (const segment of segments) {
    // An empty segment frees nothing.
    if (segment.end === segment.first) break;
    const tooOld = since !== null && segment.newest < since;
    // Size alone never takes the newest segment: a log that is being written is not emptied.
    const isNewest = segment === segments.at(-1);
    const tooMuch = maxBytes !== null && bytes > maxBytes && !isNewest;
    if (!tooOld && !tooMuch) break;
    bytes -= segment.bytes;
    floor = segment.end;
  }
  return floor;
}
