import type { SqliteLog } from '../../log/sqlite/sqlite-log.ts';
import type { KeptSize, LostDeliveries } from '../../state/kept-record.ts';
import type { State } from '../../state/state.ts';
import { keepAside } from './keep-aside.ts';
import { findHold, type LogHold } from './log-hold.ts';
import { planTrim, type TrimLimits, type TrimPlan } from './plan-trim.ts';

export interface TrimOptions {
  readonly source: string;
  readonly log: SqliteLog;
  readonly state: State;
  /** Writes down for good whatever is known of deliveries; while it rejects nothing may go. */
  readonly settle: () => Promise<void>;
}

/** What came of trimming a log. */
export interface Trimmed {
  readonly floor: number;
  readonly kept: KeptSize;
  /** Who keeps the log beyond its limits. */
  readonly hold: LogHold | null;
  /** Deliveries whose record is gone, by a hard limit; each is told once. */
  readonly lost: readonly LostDeliveries[];
}

/** A hard limit of bytes leaves this share of them to what is kept aside for single deliveries. */
const HARD_KEPT_SHARE = 1 / 4;

/**
 * Removes what the limits allow of a log, and nothing that a subscription still reads or replays
 * unless they are hard (invariant 11). Records that single deliveries need are kept aside before
 * their segment goes.
 * @param check called before anything is removed; what it throws leaves everything as it is.
 */
export async function trimLog(
  options: TrimOptions,
  limits: TrimLimits,
  check: (plan: TrimPlan) => Promise<void> = () => Promise.resolve(),
): Promise<Trimmed> {
  const { source, log, state } = options;
  const since = limits.hard ? limits.since : null;
  let plan = await planTrim(options, limits);
  while (plan.wanted > log.floor) {
    await options.settle();
    plan = await planTrim(options, limits);
    await check(plan);
    if (plan.to <= log.floor) break;
    // What was copied is durable only after another settling, and meanwhile somebody may have asked
    // for a rewind or a replay: it is removed in the round that finds nothing more to be copied.
    if ((await keepAside(options, plan.to, since)) > 0) continue;
    await log.trim(plan.to);
    break;
  }
  // Files that somebody else removed are noted as gone once an operator has said so.
  const noted = limits.hard && limits.before !== null && limits.before >= log.floor;
  if (noted && log.lostBeginning !== null) await log.trim(log.floor);
  const { floor } = log;
  await state.forgetDiscarded(source, floor);
  await state.forgetKept(source, floor);
  if (limits.hard) {
    const maxBytes = limits.maxBytes === null ? null : limits.maxBytes * HARD_KEPT_SHARE;
    await state.dropKept(source, { maxBytes, since });
  }
  return {
    floor,
    kept: await state.kept(source),
    hold: await findHold(options, plan),
    lost: await state.noteLost(source, floor),
  };
}
