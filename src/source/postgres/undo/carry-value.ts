import type { TypeShape } from '../../../change/table.ts';
import { readComposite, readList, writeComposite, writeList } from './value-texts.ts';

/**
 * The text by which a value of a type as it was then goes by now; null when that is not certain.
 *
 * What a type is made of has numbers, which its names change around: an enum's label is carried to
 * the name it has now, the attributes of a composite to the places they have now. An attribute that
 * was dropped since is lost unless it was null; one that was added since is null.
 *
 * Whether the text is one of the type now is for the database to say.
 */
export function carryValue(text: string, then: TypeShape, now: TypeShape): string | null {
  if (then.is === 'domain') return then.of === undefined ? null : carryValue(text, then.of, now);
  if (now.is === 'domain') return now.of === undefined ? null : carryValue(text, then, now.of);
  if (then.is === 'enum' && then.id === now.id) return carryLabel(text, then, now);
  if (then.is === 'composite' && now.is === 'composite') return carryComposite(text, then, now);
  if (then.is === 'array' && now.is === 'array') return carryList(text, then, now);
  // A range of something that has changed itself: rare enough not to take its text apart.
  if (then.is === 'range') return compareShapes(then, now) === 'same' ? text : null;
  return text;
}

/** How the texts of a type then read now. */
export type Likeness =
  /** Every one means the same value. */
  | 'same'
  /** Attributes were added behind the others: they are null in every value from before. */
  | 'grown'
  | 'changed';

/** Labels that were added since are in nobody's way; names of attributes are not in the text. */
export function compareShapes(then: TypeShape, now: TypeShape): Likeness {
  if (then.id !== now.id || then.is !== now.is) return 'changed';
  const labels = new Map(now.labels);
  if (then.labels?.some(([id, label]) => labels.get(id) !== label) === true) return 'changed';
  const [from, to] = [then.attributes ?? [], now.attributes ?? []];
  const parts = from.map(({ number, modifier, type }, place): Likeness => {
    const other = to[place];
    if (other?.number !== number || other.modifier !== modifier) return 'changed';
    return compareShapes(type, other.type);
  });
  if (then.of !== undefined && now.of !== undefined) parts.push(compareShapes(then.of, now.of));
  if (parts.includes('changed')) return 'changed';
  return to.length > from.length || parts.includes('grown') ? 'grown' : 'same';
}

function carryLabel(text: string, then: TypeShape, now: TypeShape): string | null {
  const id = then.labels?.find(([, label]) => label === text)?.[0];
  return now.labels?.find(([other]) => other === id)?.[1] ?? null;
}

function carryComposite(text: string, then: TypeShape, now: TypeShape): string | null {
  const from = then.attributes ?? [];
  const cells = from.length === 0 ? [] : readComposite(text);
  if (cells === null || cells.length !== from.length) return null;
  // Attributes of a type that was dropped and made anew have new numbers: only their names are left.
  const sameType = then.id === now.id;
  const lost = new Set(cells.flatMap((cell, place) => (cell === null ? [] : [place])));
  const carried: (string | null)[] = [];
  for (const { number, name, type } of now.attributes ?? []) {
    const place = from.findIndex((each) =>
      sameType ? each.number === number : each.name === name,
    );
    const [attribute, cell] = [from[place], cells[place] ?? null];
    lost.delete(place);
    const value =
      cell === null || attribute === undefined ? null : carryValue(cell, attribute.type, type);
    if (cell !== null && value === null) return null;
    carried.push(value);
  }
  return lost.size > 0 ? null : writeComposite(carried);
}

function carryList(text: string, then: TypeShape, now: TypeShape): string | null {
  const [from, to] = [then.of, now.of];
  if (from === undefined || to === undefined) return null;
  // Arrays of boxes have another separator; their element never changes.
  if (compareShapes(from, to) === 'same') return text;
  const list = readList(text);
  return list === null ? null : writeList(list, (value) => carryValue(value, from, to));
}
