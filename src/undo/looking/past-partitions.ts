import type { LoggedMark, LoggedTable } from '../../log/log.ts';
import type { SnapshotTable, SourceSnapshot } from '../../source/table-snapshot.ts';
import type { KnownTable } from './known-tables.ts';
import { isCapturedSince } from './capture-chain.ts';
import { type Boundary, isTurn, isWatchedAt, marksOf, placeOf } from './marks-since.ts';
import type { SearchableLog } from './searchable-log.ts';

/** A partition that has left its table, and is a table whose changes are all known. */
export interface DetachedPartition {
  readonly table: SnapshotTable;
  /** The versions of its rows: as a partition, and as a table of its own. */
  readonly versions: readonly LoggedTable[];
}

/** A partition whose rows at a moment cannot be known. */
export interface LostPartition {
  readonly mark: LoggedMark;
  /** Why not, in words. */
  readonly reason: string;
}

/** What was done to a table's partitions since a moment, as far as it matters for what it held then. */
export interface PastPartitions {
  /** Those that were no part of it: neither their rows nor their changes count. */
  readonly absent: ReadonlySet<string>;
  /** Those that were a part of it and are read where they are now. */
  readonly detached: readonly DetachedPartition[];
  readonly lost: readonly LostPartition[];
  /** From where on it is known what was done to its partitions, when that is after the moment. */
  readonly unwatched: LoggedMark | null;
}

/**
 * Reads from a table's marks which partitions it had at a moment: of each partition the first mark
 * since then says what it was before it.
 */
export async function pastPartitions(
  log: SearchableLog,
  snapshot: SourceSnapshot,
  table: KnownTable,
  tables: readonly KnownTable[],
  boundary: Boundary,
): Promise<PastPartitions> {
  const absent = new Set<string>();
  const detached: DetachedPartition[] = [];
  const lost: LostPartition[] = [];
  const watched = firstWatched(log, table);
  const unwatched = watched === undefined || isWatchedAt(watched, boundary) ? null : watched;
  for (const mark of firstMarks(log, snapshot, table, boundary).values()) {
    const { partition, kind } = mark;
    if (partition === null) continue;
    if (placeOf(mark, boundary) === 'unknown') {
      const reason = 'when it happened is only known to lie around the time that was asked for';
      lost.push({ mark, reason });
    } else if (kind === 'attached' || kind === 'present') absent.add(partition.id);
    else {
      const found = await findDetached(log, snapshot, mark, tables);
      if ('table' in found) detached.push(found);
      else lost.push({ mark, reason: found.reason });
    }
  }
  return { absent, detached, lost, unwatched };
}

/**
 * The mark from which on a table's partitions are watched, where changes are older. A version of
 * Tidings that knew no table's number captured partitions as their table, and then the source passes
 * over what is done to one of them: a truncate as well as what leaves a mark now (invariant 14).
 */
function firstWatched(log: SearchableLog, table: KnownTable): LoggedMark | undefined {
  const isOld = ({ origin }: LoggedTable): boolean => origin === undefined;
  if (!log.tables().some(isOld)) return undefined;
  const isMet = ({ kind, transaction }: LoggedMark): boolean =>
    kind === 'present' && transaction === null;
  // Without changes of its own from then it is one that was there at the first look.
  const first = log.marks().find(isMet);
  const known = table.versions.some(isOld);
  return marksOf(log, table).find((mark) => isMet(mark) && (known || mark.since === first?.since));
}

/** Of each partition the first mark that does not lie before the moment, and that the snapshot shows. */
function firstMarks(
  log: SearchableLog,
  snapshot: SourceSnapshot,
  table: KnownTable,
  boundary: Boundary,
): ReadonlyMap<string, LoggedMark> {
  const first = new Map<string, LoggedMark>();
  for (const mark of marksOf(log, table)) {
    const { partition, transaction } = mark;
    if (partition === null || first.has(partition.id) || !isTurn(mark)) continue;
    if (transaction !== null && !snapshot.includes(transaction)) continue;
    if (placeOf(mark, boundary) !== 'before') first.set(partition.id, mark);
  }
  return first;
}

/** The rows of a partition that has left are known when all its changes since then are in the log. */
async function findDetached(
  log: SearchableLog,
  snapshot: SourceSnapshot,
  mark: LoggedMark,
  tables: readonly KnownTable[],
): Promise<DetachedPartition | { readonly reason: string }> {
  const { kind, partition } = mark;
  const id = partition?.id ?? '';
  const present = kind === 'dropped' ? null : await snapshot.describe({ id });
  if (present === null) return { reason: 'the partition is not there any more' };
  if (!isCapturedSince(log, mark, present)) {
    const { schema, name } = present.definition;
    return {
      reason: `it is table ${schema}.${name} now, whose changes since then are not all known`,
    };
  }
  const isOf = ({ origin }: LoggedTable): boolean =>
    origin?.id === id || origin?.partition?.id === id;
  return { table: present, versions: tables.flatMap(({ versions }) => versions.filter(isOf)) };
}
