import type { Column, TypeShape } from '../../change/table.ts';

/**
 * How values of another version of a column read in one: the same, some by other texts (labels that
 * were renamed), or not at all.
 */
export type TypeChange =
  | { readonly texts: ReadonlyMap<string, string> | null }
  | { readonly problem: string };

const SAME: TypeChange = { texts: null };

/**
 * Compares the types of two versions of a column. What a type is made of decides, where both versions
 * know it; a name alone does not tell (invariant 14).
 * @returns for `texts`, what values of `other` are called in `column`.
 */
export function compareTypes(column: Column, other: Column): TypeChange {
  const { shape } = column;
  const changed = { problem: `its type was changed from ${column.type} to ${other.type}` };
  if (shape !== undefined && other.shape !== undefined) {
    // A length or precision is part of the name; renaming a type of one's own leaves it what it is.
    if (isPlain(shape) && column.type !== other.type) return changed;
    const found = compareShapes(shape, other.shape);
    if (found === 'other') {
      return column.type === other.type
        ? { problem: `its type ${column.type} is made of other parts now` }
        : changed;
    }
    if (found === 'labels') return { problem: `labels of its type ${column.type} were renamed` };
    return found.size === 0 ? SAME : { texts: found };
  }
  if (column.type !== other.type) return changed;
  const known = shape ?? other.shape;
  if (known === undefined || !hasParts(known)) return SAME;
  return { problem: `what its type ${column.type} was made of is not known` };
}

/** The texts that differ, `labels` when they differ within larger values, `other` when types do. */
function compareShapes(
  one: TypeShape,
  other: TypeShape,
): ReadonlyMap<string, string> | 'labels' | 'other' {
  if (one.id !== other.id || one.is !== other.is) return 'other';
  if (one.is === 'enum') return compareLabels(one, other);
  if (one.is === 'composite') return compareAttributes(one, other);
  if (one.of === undefined || other.of === undefined) return new Map();
  const found = compareShapes(one.of, other.of);
  // A domain's values are its base's; an array's and a range's hold those of their elements.
  if (one.is === 'domain' || typeof found === 'string') return found;
  return found.size === 0 ? found : 'labels';
}

function compareLabels(one: TypeShape, other: TypeShape): ReadonlyMap<string, string> {
  const labels = new Map(one.labels ?? []);
  const texts = new Map<string, string>();
  for (const [id, text] of other.labels ?? []) {
    const then = labels.get(id);
    if (then !== undefined && then !== text) texts.set(text, then);
  }
  return texts;
}

function compareAttributes(
  one: TypeShape,
  other: TypeShape,
): ReadonlyMap<string, string> | 'labels' | 'other' {
  const attributes = one.attributes ?? [];
  const others = other.attributes ?? [];
  if (attributes.length !== others.length) return 'other';
  let labels = false;
  for (const [place, { number, type, modifier }] of attributes.entries()) {
    const same = others[place];
    if (same === undefined || same.number !== number || same.modifier !== modifier) return 'other';
    const found = compareShapes(type, same.type);
    if (found === 'other') return found;
    labels ||= found === 'labels' || found.size > 0;
  }
  return labels ? 'labels' : new Map();
}

/** True for a base type and arrays of one. */
function isPlain({ is, of }: TypeShape): boolean {
  return is === 'base' || (is === 'array' && of !== undefined && isPlain(of));
}

/** True when what its values mean depends on more than its name. */
function hasParts({ is, of }: TypeShape): boolean {
  return is === 'enum' || is === 'composite' || (of !== undefined && hasParts(of));
}
