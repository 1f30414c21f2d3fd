import { decodeImages } from '../../../change/row-images.ts';
import type { StoredChange } from '../../../change/stored-change.ts';
import { qualifiedName, type TableDefinition } from '../../../change/table.ts';
import { TidingsError } from '../../../errors/tidings-error.ts';
import { readArray } from '../values/array.ts';

/**
 * Money as it is printed with `lc_monetary = C` (`session-settings.ts`). No other locale prints
 * another amount like this: two digits after the point, three after each comma.
 */
const KNOWN = /^-?\$\d{1,3}(?:,\d{3})*\.\d\d$/;

/** `[0:1]=` before an array whose lower bounds are not 1. */
const BOUNDS = /^(?:\[-?\d+:-?\d+\])+=/;

const columns = new WeakMap<TableDefinition, readonly number[]>();

/**
 * Refuses money whose text may mean another amount than it says: a log that was written before
 * capture pinned `lc_monetary` has the notation that the database had then, and `$1.234` of one locale
 * reads as `$1.23` in another (invariant 10).
 * @throws TidingsError `UNDO_MONEY_UNKNOWN`
 */
export function requireKnownMoney(change: StoredChange): void {
  const { table } = change;
  let places = columns.get(table);
  if (places === undefined) {
    places = moneyOf(table);
    columns.set(table, places);
  }
  if (places.length === 0) return;
  const { before, after } = decodeImages(change.images);
  for (const cells of [before?.cells, after]) {
    for (const place of places) {
      const text = cells?.[place];
      if (typeof text !== 'string' || isKnown(text)) continue;
      const column = table.columns[place]?.name ?? '';
      const details = { table: qualifiedName(table), column, text, offset: change.offset };
      throw new TidingsError('UNDO_MONEY_UNKNOWN', details);
    }
  }
}

function moneyOf(table: TableDefinition): readonly number[] {
  return [...table.columns.keys()].filter((index) => {
    const type = table.columns[index]?.type;
    return type === 'money' || type === 'money[]';
  });
}

function isKnown(text: string): boolean {
  if (KNOWN.test(text)) return true;
  const array = text.replace(BOUNDS, '');
  if (!array.startsWith('{')) return false;
  let known = true;
  const read = readArray(array, (element) => {
    known &&= KNOWN.test(element);
    return element;
  });
  return known && read !== undefined;
}
