import { TidingsError } from '../../errors/tidings-error.ts';
import type { LostDeliveries } from '../../state/kept-record.ts';
import { needsInWords } from './hold-in-words.ts';
import { findHold, type LogHold } from './log-hold.ts';
import type { TrimLimits, TrimPlan, TrimSubject } from './plan-trim.ts';
import type { Trimmed } from './trim-log.ts';

/** What an operator asks to be removed: by exactly one measure. */
export type TrimRequest =
  | { readonly before: number }
  | { readonly keepBytes: number }
  | { readonly olderThan: Date };

/** What came of it, for one source. Stable: fields are only added. */
export interface TrimReport {
  readonly source: string;
  readonly floor: number;
  readonly removedSegments: number;
  readonly removedBytes: number;
  /** Who keeps more than was asked for; null when nobody does. */
  readonly hold: LogHold | null;
  /** Deliveries whose record is gone for good, because it was forced. */
  readonly lost: readonly LostDeliveries[];
}

/**
 * Removes what was asked for, as far as nobody needs it.
 * @param trim see `trimLog`
 * @throws TidingsError `LOG_NEEDED` when a subscription needs what lies below an offset that was
 *   named; then nothing is removed.
 */
export async function trimAsAsked(
  subject: TrimSubject,
  request: TrimRequest,
  options: {
    readonly force: boolean;
    readonly trim: (
      limits: TrimLimits,
      check: (plan: TrimPlan) => Promise<void>,
    ) => Promise<Trimmed>;
  },
): Promise<TrimReport> {
  const { source, log } = subject;
  const before = await log.size();
  const check = async (plan: TrimPlan): Promise<void> => {
    if ('before' in request) await refuseNeeded(subject, plan, request.before);
  };
  const { floor, hold, lost } = await options.trim(toLimits(request, options.force), check);
  const after = await log.size();
  return {
    source,
    floor,
    removedSegments: Math.max(0, before.segments - after.segments),
    removedBytes: Math.max(0, before.bytes - after.bytes),
    hold,
    lost,
  };
}

function toLimits(request: TrimRequest, hard: boolean): TrimLimits {
  return {
    since: 'olderThan' in request ? request.olderThan.getTime() * 1_000 : null,
    maxBytes: 'keepBytes' in request ? request.keepBytes : null,
    before: 'before' in request ? request.before : null,
    hard,
  };
}

async function refuseNeeded(subject: TrimSubject, plan: TrimPlan, before: number): Promise<void> {
  const [holder] = (await findHold(subject, plan))?.holders ?? [];
  if (holder === undefined) return;
  const { subscription } = holder;
  const details = { source: subject.source, before, subscription, needs: needsInWords(holder) };
  throw new TidingsError('LOG_NEEDED', details);
}
