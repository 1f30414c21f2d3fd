import { type CapturedTable, listTables } from './captured-tables.ts';
import type { Publication } from './publication.ts';

/** In which publication of ours a table is. */
export type Place = 'all' | 'insertOnly';

/** What is published other than it should be, although it was published before. */
export interface Alterations {
  /** What each publication did not publish, in words. */
  readonly operations: readonly string[];
  /** By a table's oid: what was not published of it, in words. */
  readonly tables: ReadonlyMap<string, string>;
}

/**
 * Compares the publications with what they were: whatever they lack now was not captured meanwhile.
 * @param before where tables were that were captured before, by their oids. Any other table is new.
 * @param wasRight true when this very version has seen the publications right.
 */
export function findAlterations(
  publications: readonly Publication[],
  tables: readonly CapturedTable[],
  before: ReadonlyMap<string, Place>,
  wasRight: boolean,
): Alterations {
  const operations = publications.flatMap(({ name, lacking, lackingSince }) => {
    const lacks = [...lacking, ...(wasRight ? lackingSince : [])];
    return lacks.length === 0 ? [] : [`publication ${name} without ${lacks.join(', ')}`];
  });
  // It has every table, and is refused for that.
  const all = publications.some(({ allTables }) => allTables);
  const found = (all ? [] : tables).flatMap((table): [string, string][] => {
    const what = alterationOf(table, before.get(table.oid));
    return what === null ? [] : [[table.oid, what]];
  });
  return { operations, tables: new Map(found) };
}

function alterationOf(table: CapturedTable, before: Place | undefined): string | null {
  if (!table.wantedInAll && !table.wantedInInsertOnly) return null;
  if (table.filtered) return 'published with a row filter';
  if (table.narrowed) return 'published with a list of columns';
  if (before === undefined || table.isInAll) return null;
  if (!table.isInInsertOnly) return 'not published';
  return before === 'all' && table.wantedInAll ? 'published for inserts only' : null;
}

/** Where the tables are that were captured up to this look; one that was altered stays what it was. */
export function placesAfter(
  tables: readonly CapturedTable[],
  before: ReadonlyMap<string, Place>,
  altered: Alterations['tables'],
): Map<string, Place> {
  const after = new Map<string, Place>();
  for (const table of tables) {
    const known = before.get(table.oid);
    if (altered.has(table.oid) && known !== undefined) after.set(table.oid, known);
    else if (table.isInAll) after.set(table.oid, 'all');
    else if (table.isInInsertOnly) after.set(table.oid, 'insertOnly');
  }
  return after;
}

/** What was not published, for people; null when nothing was altered. */
export function alterationsText(
  { operations, tables: altered }: Alterations,
  tables: readonly CapturedTable[],
): string | null {
  const byWhat = Map.groupBy(
    tables.filter(({ oid }) => altered.has(oid)),
    ({ oid }) => altered.get(oid) ?? '',
  );
  const texts = [...byWhat].map(([what, some]) => `${listTables(some)} ${what}`);
  return [...operations, ...texts].join('; ') || null;
}
