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
  /** Microseconds since 1970-01-01 UTC. */
  readonly now: number;
  /** Segments whose newest transaction is older are removed; microseconds, null for no limit. */
  readonly maxAge: number | null;
  /** Above this size the oldest segments are removed, all but the newest; null for no limit. */
  readonly maxBytes: number | null;
  /** The lowest offset that a live subscription still needs; null when none needs any. */
  readonly needed: number | null;
  /** Removes also what is still needed, because the operator has said so. Default false. */
  readonly hard?: boolean | undefined;
}

/**
 * The offset from which a log is kept: what `Log.trim` is to be called with. Only whole segments at
 * the log's beginning go, and without `hard` none that holds an offset which is needed (invariant
 * 11). When even the newest segment is too old, this is the head.
 */
export function retainFrom(request: RetentionRequest): number {
  const { segments, now, maxAge, maxBytes, needed, hard = false } = request;
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  let floor = segments[0]?.first ?? 0;
  for (const segment of segments) {
    // An empty segment frees nothing.
    if (segment.end === segment.first) break;
    const tooOld = maxAge !== null && segment.newest < now - maxAge;
    // Size alone never takes the newest segment: a log that is being written is not emptied.
    const isNewest = segment === segments.at(-1);
    const tooMuch = maxBytes !== null && bytes > maxBytes && !isNewest;
    if (!tooOld && !tooMuch) break;
    if (!hard && needed !== null && needed < segment.end) break;
    bytes -= segment.bytes;
    floor = segment.end;
  }
  return floor;
}
