import type { LogReader } from '../../log/log.ts';
import { retainFrom, type SegmentSummary } from '../../log/sqlite/retention.ts';
import type { SubscriptionNeeds } from '../../state/kept-record.ts';
import type { StateReader } from '../../state/state.ts';

/** What a log has to be cut down to. */
export interface TrimLimits {
  /** Microseconds since 1970-01-01 UTC: segments whose newest change is older go. */
  readonly since: number | null;
  /** Of the segments and what is kept aside together. */
  readonly maxBytes: number | null;
  /** Segments that end at or before this offset go. */
  readonly before: number | null;
  /** Also what subscriptions need; they are told. */
  readonly hard: boolean;
}

/** A log and what its subscribers need of it. */
export interface TrimSubject {
  readonly source: string;
  readonly log: LogReader & { segments(): Promise<readonly SegmentSummary[]> };
  readonly state: StateReader;
}

export interface TrimPlan {
  /** Oldest first. */
  readonly segments: readonly SegmentSummary[];
  readonly needs: readonly SubscriptionNeeds[];
  /** The floor that the limits ask for. */
  readonly wanted: number;
  /**
   * The floor that there can be: no subscription still reads or replays below it. What single
   * deliveries need below it has to be kept aside first.
   */
  readonly to: number;
  /** The first segment that stays because deliveries need too much of it; null when none does. */
  readonly crowded: SegmentSummary | null;
  /** What segments and what is kept aside may take together; null when nobody may keep more. */
  readonly maxBytes: number | null;
}

/** Keeping so little of a segment aside is worth the copying; more, and hardly any room is gained. */
const KEPT_SHARE = 1 / 2;

/** What can be removed of a log; changes nothing. */
export async function planTrim(subject: TrimSubject, limits: TrimLimits): Promise<TrimPlan> {
  const { source, log, state } = subject;
  const segments = await log.segments();
  const needs = await state.needs(source);
  const wanted = wantedFloor(segments, limits, (await state.kept(source)).bytes);
  const asked = { segments, needs, wanted };
  // What is kept aside has a limit of its own then, and what is beyond it goes.
  if (limits.hard) return { ...asked, to: wanted, crowded: null, maxBytes: null };
  const { maxBytes } = limits;
  const lowest = Math.min(
    wanted,
    ...needs.map(({ cursor, replay }) => Math.min(cursor, replay ?? cursor)),
  );
  let to = log.floor;
  for (const segment of segments) {
    if (segment.end > lowest) break;
    if (await isCrowded(subject, segment)) return { ...asked, to, crowded: segment, maxBytes };
    to = segment.end;
  }
  return { ...asked, to, crowded: null, maxBytes };
}

function wantedFloor(
  segments: readonly SegmentSummary[],
  { since, maxBytes, before }: TrimLimits,
  keptBytes: number,
): number {
  if (before !== null) {
    return segments.findLast(({ end }) => end <= before)?.end ?? segments[0]?.first ?? 0;
  }
  return retainFrom({
    segments,
    since,
    maxBytes: maxBytes === null ? null : Math.max(0, maxBytes - keptBytes),
  });
}

async function isCrowded(
  { source, state }: TrimSubject,
  { first, end }: SegmentSummary,
): Promise<boolean> {
  const needed = await state.countNeeded(source, { from: first, to: end });
  return needed > (end - first) * KEPT_SHARE;
}
