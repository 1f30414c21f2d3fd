import { markText } from '../../change/mark.ts';
import { formatMicros } from '../../change/time.ts';
import type { LoggedMark, LoggedTable } from '../../log/log.ts';
import type { KnownTable } from './known-tables.ts';
import type { Moment } from './moment.ts';
import { recordAt, type SearchableLog } from './searchable-log.ts';

/** Whether a mark lies after a moment; `unknown` for one that was found by comparing around it. */
export type MarkPlace = 'before' | 'after' | 'unknown';

/** A moment with what is needed to tell on which side of it a mark lies. */
export interface Boundary {
  readonly moment: Moment;
  /** Where in the log it lies. */
  readonly offset: number;
  /** The position of the transaction that begins there; null at the head. */
  readonly position: string | null;
}

export async function boundaryAt(
  log: SearchableLog,
  moment: Moment,
  offset: number,
): Promise<Boundary> {
  const position = offset < log.head ? (await recordAt(log, offset)).transaction.position : null;
  return { moment, offset, position };
}

/** On which side of a moment a mark lies. */
export function placeOf(mark: LoggedMark, boundary: Boundary): MarkPlace {
  return mark.transaction === null ? placeOfFound(mark, boundary) : placeOfExact(mark, boundary);
}

function placeOfExact(
  { offset, at, transaction }: LoggedMark,
  { moment, offset: place, position }: Boundary,
): MarkPlace {
  if (offset !== place) return offset > place ? 'after' : 'before';
  // It takes no offset itself: it may end the transaction before, begin this one, or stand between.
  if ('time' in moment) return at >= moment.time ? 'after' : 'before';
  return position !== null && (transaction?.position ?? '') >= position ? 'after' : 'before';
}

function placeOfFound(
  { offset, since, at }: LoggedMark,
  { moment, offset: place }: Boundary,
): MarkPlace {
  if ('time' in moment) {
    if (place < since) return 'after';
    return place > offset || moment.time >= at ? 'before' : 'unknown';
  }
  if (place <= since) return 'after';
  return place >= offset ? 'before' : 'unknown';
}

/**
 * True for a mark of a first look at a table that a moment does not lie before: just before the change
 * at an offset is after all that was met before that change.
 */
export function isWatchedAt(mark: LoggedMark, boundary: Boundary): boolean {
  if ('offset' in boundary.moment) return mark.offset <= boundary.offset;
  return placeOf(mark, boundary) === 'before';
}

/** The marks of a table, in log order. */
export function marksOf(log: SearchableLog, table: KnownTable): readonly LoggedMark[] {
  const { id, schema, name, versions } = table;
  const named = [{ schema, name, ...(id === null ? {} : { origin: { id } }) }, ...versions];
  return log.marks().filter((mark) => named.some((version) => isMarkOf(mark, version)));
}

/** Whether a mark is of a version's table: by the table's number, or by its name where that is all. */
export function isMarkOf(
  mark: LoggedMark,
  version: Pick<LoggedTable, 'schema' | 'name' | 'origin'>,
): boolean {
  if (mark.origin !== null && version.origin !== undefined)
    return mark.origin === version.origin.id;
  return mark.schema === version.schema && mark.name === version.name;
}

/**
 * True for a mark after which a partition is something else than before. Its transaction says that a
 * partition was made, empty; one that was met when lists were compared may have been there for long.
 */
export function isTurn({ kind, transaction }: LoggedMark): boolean {
  return kind !== 'present' || transaction !== null;
}

/** A mark with its time and its transaction, for a message. */
export function markInWords(mark: LoggedMark): string {
  const { transaction, at } = mark;
  const by =
    transaction === null
      ? `, found at ${formatMicros(at)}`
      : ` by transaction ${transaction.id} at ${formatMicros(at)}`;
  return `${markText(mark)}${by}`;
}
