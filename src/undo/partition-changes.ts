import { isPart, markText } from '../change/mark.ts';
import type { LoggedMark, LoggedTransaction, TableId } from '../log/log.ts';
import { isCapturedBetween } from './looking/capture-chain.ts';
import {
  type Boundary,
  boundaryAt,
  isMarkOf,
  isTurn,
  markInWords,
  placeOf,
} from './looking/marks-since.ts';
import { type Moment, parseMoment } from './looking/moment.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import type { DroppedPartition } from './dropped-partitions.ts';
import { partitionRemedy, type TableSql } from './partition-remedy.ts';
import { ownVersions } from './partition-away.ts';
import type { UndoRequest } from './undo-plan.ts';
import { unseenMarks, unseenText } from './unseen-partitions.ts';

/** What was done to a partition in the range of an undo, which the undo does not take back. */
export interface PartitionChange {
  readonly mark: LoggedMark;
  /** False when the partition is again what it was: then only what happened meanwhile stays. */
  readonly lasting: boolean;
  /** True when it is not known what was done before, see {@link unseenMarks}. */
  readonly unseen?: true;
  /** Of a partition that is again what it was: whether the log has what was changed in it meanwhile. */
  readonly away?: 'logged' | 'unknown';
  /** Its rows, where the undo puts them back: then it stands in no way. */
  readonly dropped?: DroppedPartition;
}

/** Which tables are selected, and what of the log. */
export interface PartitionScope {
  readonly from: number;
  readonly to: number;
  readonly transaction: LoggedTransaction | null;
  readonly tables: ReadonlySet<TableId> | undefined;
  /** The same by names, for tables of which the log has no change. */
  readonly matches: (schema: string, name: string) => boolean;
}

/**
 * The partitions of selected tables that were attached, detached or dropped in the selected range.
 * Rows that came or went with them have no changes that could be undone.
 */
export async function findPartitionChanges(
  log: SearchableLog,
  request: UndoRequest,
  scope: PartitionScope,
): Promise<readonly PartitionChange[]> {
  const isWithin = await rangeOf(log, request, scope);
  const first = new Map<string, LoggedMark>();
  const newest = new Map<string, LoggedMark>();
  const compared = new Set<string>();
  for (const mark of log.marks()) {
    const id = mark.partition?.id;
    if (id === undefined || !isSelected(log, mark, scope)) continue;
    if (!first.has(id) && isTurn(mark) && isWithin(mark)) first.set(id, mark);
    if (first.has(id) && mark.transaction === null) compared.add(id);
    newest.set(id, mark);
  }
  const changes: PartitionChange[] = [];
  for (const [id, mark] of first) {
    const was = !isPart(mark);
    const last = newest.get(id) ?? mark;
    const lasting = was !== isPart(last) || (was && last.origin !== mark.origin);
    // Its rows were inserted, and are undone as such; an empty partition may stay.
    if (!was && (mark.kind === 'present' || !lasting)) continue;
    // Where lists were compared, it was a table of its own before anybody knew.
    const isLogged =
      isCapturedBetween(log, mark, last) ??
      (!compared.has(id) && ownVersions(log, mark).length > 0);
    const away = isLogged ? 'logged' : 'unknown';
    changes.push({ mark, lasting, ...(lasting ? {} : { away }) });
  }
  const begin = scope.transaction ?? (await beginOf(log, request, scope));
  for (const mark of unseenMarks(log, begin, (each) => isSelected(log, each, scope))) {
    changes.push({ mark, lasting: 'to' in request, unseen: true });
  }
  return changes;
}

function isSelected(
  log: SearchableLog,
  mark: LoggedMark,
  { tables, matches }: PartitionScope,
): boolean {
  if (tables === undefined || matches(mark.schema, mark.name)) return true;
  return log.tables().some((version) => tables.has(version.id) && isMarkOf(mark, version));
}

async function rangeOf(
  log: SearchableLog,
  request: UndoRequest,
  scope: PartitionScope,
): Promise<(mark: LoggedMark) => boolean> {
  const { to, transaction } = scope;
  if (transaction !== null) {
    return (mark) => mark.transaction?.position === transaction.position;
  }
  if ('transaction' in request) return () => false;
  const begin = await beginOf(log, request, scope);
  const until: Moment | null =
    'until' in request && request.until !== undefined ? parseMoment(String(request.until)) : null;
  const end = until === null ? null : await boundaryAt(log, until, to);
  return (mark) =>
    placeOf(mark, begin) !== 'before' && (end === null || placeOf(mark, end) !== 'after');
}

function beginOf(
  log: SearchableLog,
  request: UndoRequest,
  { from }: PartitionScope,
): Promise<Boundary> {
  const place = 'to' in request ? request.to : 'since' in request ? request.since : from;
  return boundaryAt(log, parseMoment(String(place)), from);
}

/** Those that stand against an undo. */
export function opposingPartitions({
  partitions,
  needsPartitions,
}: {
  readonly partitions: readonly PartitionChange[];
  readonly needsPartitions: boolean;
}): readonly PartitionChange[] {
  if (!needsPartitions) return [];
  return partitions.filter(
    ({ lasting, away, dropped }) => dropped === undefined && (lasting || away === 'unknown'),
  );
}

/** For a plan whose rows this does not stand in the way of. */
export function partitionWarning(change: PartitionChange, tableSql: TableSql): string {
  const { mark, lasting, unseen, away } = change;
  if (unseen === true) return `${capital(unseenText(mark))}: rows that came or went so stay away.`;
  const said = capital(markText(mark));
  if (change.dropped !== undefined) {
    return `${said}: its rows go where the table has partitions for them now.`;
  }
  if (lasting) {
    return `${said}: rows that came or went with it stay as they are. ${partitionRemedy(mark, tableSql)}`;
  }
  return away === 'logged'
    ? `${said} for a time: of what was changed in it meanwhile, what was selected is undone.`
    : `${said} for a time: what was changed in it meanwhile is not undone.`;
}

/** What stands against an undo, and the ways on. */
export function partitionConflict(
  { mark, unseen, lasting }: PartitionChange,
  tableSql: TableSql,
): readonly [message: string, hint: string] {
  if (unseen === true) {
    return [
      `${capital(unseenText(mark))}: rows may have come or gone without a change to undo.`,
      `Go back to a moment since then (--to ${mark.offset} is the first), or undo what the log has: --on-conflict skip.`,
    ];
  }
  const said = capital(markInWords(mark));
  if (lasting) {
    return [
      `${said}: rows that came or went with it have no changes to undo.`,
      `${partitionRemedy(mark, tableSql)} Or leave it as it is, and undo the rest: --on-conflict skip.`,
    ];
  }
  return [
    `${said} for a time: the log does not have what was changed in it meanwhile.`,
    'When nothing was changed in it, or that may stay: --on-conflict skip.',
  ];
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
