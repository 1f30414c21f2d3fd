import type { TrimPlan, TrimSubject } from './plan-trim.ts';

/** Who keeps a log beyond its limits. Stable: part of the status. */
export interface LogHold {
  /** The floor that the limits ask for. */
  readonly wanted: number;
  /** Of the segments that could go. */
  readonly bytes: number;
  /** Who needs the most first; the first ten. */
  readonly holders: readonly LogHolder[];
}

export interface LogHolder {
  readonly subscription: string;
  /**
   * `cursor`: it has not read on; `replay`: it is to be delivered again from there on;
   * `deliveries`: more than half of a segment waits for another attempt or is parked.
   */
  readonly why: 'cursor' | 'replay' | 'deliveries';
  /** The oldest record that it needs. */
  readonly offset: number;
  /** When that committed, ISO 8601. */
  readonly since: string | null;
}

const MOST_HOLDERS = 10;

/** Who keeps the log from the floor that its limits ask for; null when nobody does. */
export async function findHold(subject: TrimSubject, plan: TrimPlan): Promise<LogHold | null> {
  const { segments, needs, wanted, to, crowded } = plan;
  if (to >= wanted) return null;
  const { source, log, state } = subject;
  const held = segments.filter(({ end }) => end > to && end <= wanted);
  const bytes = held.reduce((sum, segment) => sum + segment.bytes, 0);
  const found: Omit<LogHolder, 'since'>[] = needs.flatMap(({ subscription, cursor, replay }) => [
    ...(cursor < wanted ? [{ subscription, why: 'cursor' as const, offset: cursor }] : []),
    ...(replay !== null && replay < wanted
      ? [{ subscription, why: 'replay' as const, offset: replay }]
      : []),
  ]);
  if (crowded !== null) {
    const range = { from: crowded.first, to: crowded.end };
    for (const subscription of await state.neededBy(source, range)) {
      found.push({ subscription, why: 'deliveries', offset: crowded.first });
    }
  }
  const holders: LogHolder[] = [];
  for (const holder of found.sort((a, b) => a.offset - b.offset).slice(0, MOST_HOLDERS)) {
    holders.push({ ...holder, since: await committedAt(log, holder.offset) });
  }
  return { wanted, bytes, holders };
}

async function committedAt(log: TrimSubject['log'], offset: number): Promise<string | null> {
  const from = Math.max(offset, log.floor);
  const { records } = await log.read({ from, limit: 1 });
  const at = records[0]?.transaction.committedAt;
  return at === undefined ? null : new Date(at / 1_000).toISOString();
}
