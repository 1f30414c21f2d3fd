import { compileTablePatterns } from '../change/table-pattern.ts';
import type { TidingsError } from '../errors/tidings-error.ts';
import {
  type NoteAside,
  notesAside,
  offsetsInWords,
  type RecordPlaces,
} from '../log/kept-aside.ts';
import { logPruned } from '../log/log-pruned.ts';
import { isFrom, parseMoment } from './looking/moment.ts';
import type { UndoRequest } from './undo-plan.ts';

/*
 * An undo of what retention has removed is refused, also where records of it are kept aside: they are
 * those that deliveries need. Without the others of their transactions, and without the later changes
 * of their rows, which the log would name as conflicts, an undo of them would be another one than was
 * asked for (invariant 9).
 */

/** @throws TidingsError `LOG_PRUNED`; `offset` is the first that is gone. */
export async function refusePruned(
  places: RecordPlaces,
  request: UndoRequest,
  offset: number,
): Promise<never> {
  const kept = await findKept(places, request);
  throw pruned(places, offset, kept);
}

/**
 * A transaction that the log does not know may have been removed: a record of it that is kept tells.
 * @throws TidingsError `LOG_PRUNED`
 */
export async function refuseKept(places: RecordPlaces, request: UndoRequest): Promise<void> {
  const kept = await findKept(places, request);
  const [first] = kept;
  if (first !== undefined) throw pruned(places, first.transaction.first, kept);
}

function pruned(
  { source, log }: RecordPlaces,
  offset: number,
  kept: readonly NoteAside[],
): TidingsError<'LOG_PRUNED'> {
  const where = { source, offset, floor: log.floor };
  return kept.length === 0 ? logPruned(where) : logPruned(where, inWords(kept));
}

async function findKept(places: RecordPlaces, request: UndoRequest): Promise<readonly NoteAside[]> {
  const wants = wanted(places, request);
  const kept: NoteAside[] = [];
  for await (const note of notesAside(places)) if (wants(note)) kept.push(note);
  return kept;
}

function inWords(notes: readonly NoteAside[]): { readonly kept: string; readonly way: string } {
  const offsets = notes.map(({ offset }) => offset);
  const are = offsets.length === 1 ? 'is' : 'are';
  const words = offsetsInWords(offsets);
  return {
    kept: ` Of what is meant, ${words} ${are} kept aside for deliveries. That is too little for an undo: other changes of the same transactions, and later ones of the same rows, may be gone.`,
    way: ` What is kept, \`tidings show @${offsets[0]}\` shows, with the row before and after; it can be written back by hand from that.`,
  };
}

function wanted({ log }: RecordPlaces, request: UndoRequest): (note: NoteAside) => boolean {
  const patterns = request.tables === undefined ? null : compileTablePatterns(request.tables);
  const tables = new Set(
    log
      .tables()
      .filter(({ schema, name }) => patterns?.matches(schema, name) ?? true)
      .map(({ id }) => id),
  );
  const isMeant = meant(request);
  return (note) => tables.has(note.tableId) && isMeant(note);
}

function meant(request: UndoRequest): (note: NoteAside) => boolean {
  if ('transaction' in request) return ({ transaction: { id } }) => id === request.transaction;
  const from = parseMoment(String('to' in request ? request.to : request.since));
  const until =
    'until' in request && request.until !== undefined
      ? parseMoment(String(request.until))
      : undefined;
  return (note) => isFrom(note, from) && (until === undefined || !isFrom(note, until));
}
