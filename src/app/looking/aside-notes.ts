import { compileTablePatterns } from '../../change/table-pattern.ts';
import {
  type NoteAside,
  notesAside,
  offsetsInWords,
  type RecordPlaces,
} from '../../log/kept-aside.ts';
import type { LoggedTable } from '../../log/log.ts';
import { idsOf } from '../../undo/looking/known-tables.ts';
import { isFrom } from '../../undo/looking/moment.ts';
import { resolvePatterns } from '../../undo/looking/resolve-table.ts';
import type { SearchableLog } from '../../undo/looking/searchable-log.ts';
import type { FindQuery } from './looking.ts';

/*
 * What is kept aside for deliveries is named by those who look back, and not mixed with what the log
 * has: from its floor on a log knows everything, and below it only these.
 */

/** Changes of a row that the log does not have any more; null when none is kept. */
export async function historyAside(
  places: RecordPlaces,
  versions: readonly LoggedTable[],
  keys: readonly string[],
): Promise<string | null> {
  const tables = idsOf(versions);
  const found = await offsetsAside(
    places,
    ({ tableId, key, previousKey }) =>
      tables.has(tableId) &&
      [key, previousKey].some((each) => each !== null && keys.includes(each)),
  );
  return found.length === 0
    ? null
    : `Of what was removed before offset ${places.log.floor}, changes of this row are kept aside for deliveries: ${offsetsInWords(found)}. ${showCommand(found)}`;
}

/** Records that a search would have looked at; null when it begins behind them, or none is kept. */
export async function searchAside(
  places: RecordPlaces & { readonly log: SearchableLog },
  { tables: texts, since, until }: FindQuery,
): Promise<string | null> {
  const { source, log } = places;
  const patterns =
    texts === undefined ? null : compileTablePatterns(resolvePatterns(log, source, texts));
  const tables = log.tables().filter(({ schema, name }) => patterns?.matches(schema, name) ?? true);
  const ids = idsOf(tables);
  const found = await offsetsAside(
    places,
    (note) =>
      ids.has(note.tableId) &&
      (since === undefined || isFrom(note, since)) &&
      (until === undefined || !isFrom(note, until)),
  );
  return found.length === 0
    ? null
    : `Not searched is what is kept aside for deliveries of what was removed before offset ${log.floor}: ${offsetsInWords(found)}. ${showCommand(found)}`;
}

async function offsetsAside(
  places: RecordPlaces,
  wants: (note: NoteAside) => boolean,
): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const note of notesAside(places)) if (wants(note)) found.push(note.offset);
  return found;
}

function showCommand([first]: readonly number[]): string {
  return `To see one: \`tidings show @${first}\``;
}
