import type { KeptSize } from '../../state/kept-record.ts';
import type { TrimPlan, TrimSubject } from './plan-trim.ts';

/** Who keeps a log beyond its limits. Stable: part of the status. */
export interface LogHold {
  /** The floor that the limits ask for. */
  readonly wanted: number;
  /** Of the segments that could go, and of what is kept aside beyond the limits. */
  readonly bytes: number;
  /** Who needs the most first; the first ten. */
  readonly holders: readonly LogHolder[];
}

export interface LogHolder {
  readonly subscription: string;
  /**
   * `cursor`: it has not read on; `replay`: it is to be delivered again from there on;
   * `deliveries`: more than half of a segment waits for another attempt or is parked; `kept`: what
   * is kept aside for such deliveries is more than the limits leave to it.
   */
  readonly why: 'cursor' | 'replay' | 'deliveries' | 'kept';
  /** The oldest record that it needs. */
  readonly offset: number;
  /** When that committed, ISO 8601. */
  readonly since: string | null;
  /** What is kept aside for it, when that is why; else null. */
  readonly kept: KeptSize | null;
}

const MOST_HOLDERS = 10;

type Found = Omit<LogHolder, 'since'>;

/** Who keeps the log, and what is kept aside of it, beyond its limits; null when nobody does. */
export async function findHold(subject: TrimSubject, plan: TrimPlan): Promise<LogHold | null> {
  const { segments, wanted, to } = plan;
  const kept = await keptBeyond(subject, plan);
  if (to >= wanted && kept === 0) return null;
  const held = segments.filter(({ end }) => end > to && end <= wanted);
  const found = [
    ...(to < wanted ? await holdersOfSegments(subject, plan) : []),
    ...(kept > 0 ? await holdersOfKept(subject) : []),
  ];
  const holders: LogHolder[] = [];
  for (const holder of found.sort((a, b) => a.offset - b.offset).slice(0, MOST_HOLDERS)) {
    holders.push({ ...holder, since: await committedAt(subject, holder.offset) });
  }
  return { wanted, bytes: sizeOf(held) + kept, holders };
}

/** Bytes kept aside that are too many even when every segment goes that the limits ask for. */
async function keptBeyond(
  { source, state }: TrimSubject,
  { segments, wanted, maxBytes }: TrimPlan,
): Promise<number> {
  if (maxBytes === null) return 0;
  const { bytes } = await state.kept(source);
  const staying = sizeOf(segments.filter(({ first }) => first >= wanted));
  return Math.min(bytes, Math.max(0, staying + bytes - maxBytes));
}

async function holdersOfSegments(
  { source, state }: TrimSubject,
  { needs, wanted, crowded }: TrimPlan,
): Promise<readonly Found[]> {
  const found: Found[] = needs.flatMap(({ subscription, cursor, replay }) => [
    ...(cursor < wanted
      ? [{ subscription, why: 'cursor' as const, offset: cursor, kept: null }]
      : []),
    ...(replay !== null && replay < wanted
      ? [{ subscription, why: 'replay' as const, offset: replay, kept: null }]
      : []),
  ]);
  if (crowded === null) return found;
  const range = { from: crowded.first, to: crowded.end };
  for (const subscription of await state.neededBy(source, range)) {
    found.push({ subscription, why: 'deliveries', offset: crowded.first, kept: null });
  }
  return found;
}

async function holdersOfKept({ source, state }: TrimSubject): Promise<readonly Found[]> {
  const found = await state.keptFor(source);
  return found.map(({ subscription, offset, records, bytes }) => ({
    subscription,
    why: 'kept',
    offset,
    kept: { records, bytes },
  }));
}

function sizeOf(segments: TrimPlan['segments']): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}

async function committedAt(
  { source, log, state }: TrimSubject,
  offset: number,
): Promise<string | null> {
  const [aside] =
    offset < log.floor ? await state.keptNotes(source, { from: offset, limit: 1 }) : [];
  if (aside?.offset === offset) return toText(aside.transaction.committedAt);
  const { records } = await log.read({ from: Math.max(offset, log.floor), limit: 1 });
  const at = records[0]?.transaction.committedAt;
  return at === undefined ? null : toText(at);
}

function toText(committedAt: number): string {
  return new Date(committedAt / 1_000).toISOString();
}
