import type { RelationColumn } from './decode-relation.ts';
import type { DescribedColumn } from './relation-description.ts';

/** A column of the catalogue, and when its row there was last written, seen from a change. */
export interface CandidateColumn extends DescribedColumn {
  /** `within` is the change's own transaction: before or after it. */
  readonly touched: 'before' | 'within' | 'since';
}

/** Weights: the same name and type; only the type (it was renamed since). */
const SAME = 4;
const SAME_TYPE = 1;

/**
 * Which columns of the catalogue those of a Relation message are, by their numbers. The catalogue may
 * be younger than the message: columns may have been renamed, retyped, dropped or added since. Both
 * are in the order of the numbers, which is that in which columns were added, and no number is used
 * again. So the message has the first ones of the catalogue, but for those that were dropped before.
 * Names count only where they are of that time.
 * @returns per column of the message its number; undefined where more than one would do as well, or
 *   none: not known (invariant 14).
 */
export function alignColumns(
  columns: readonly RelationColumn[],
  candidates: readonly CandidateColumn[],
): readonly (number | undefined)[] {
  const there = candidates.filter((each) => !each.dropped || each.touched !== 'before');
  const [width, height] = [there.length + 1, columns.length + 1];
  // The best weight of all ways from the left and from the right to each place; -1 for none.
  const left = new Int32Array(width * height).fill(-1);
  const right = new Int32Array(width * height).fill(-1);
  left[0] = 0;
  for (let row = 0; row < height; row++) {
    for (let at = 0; at < width; at++) {
      const weight = left[row * width + at] ?? -1;
      const candidate = there[at];
      if (weight < 0 || candidate === undefined) continue;
      if (isOptional(candidate)) raise(left, row * width + at + 1, weight);
      const step = weightOf(columns[row], candidate);
      if (step >= 0) raise(left, (row + 1) * width + at + 1, weight + step);
    }
  }
  for (let row = height - 1; row >= 0; row--) {
    for (let at = width - 1; at >= 0; at--) {
      const place = row * width + at;
      // What the message does not name any more was added later, if that can be.
      if (row === height - 1 && there.slice(at).every(isNew)) raise(right, place, 0);
      const candidate = there[at];
      if (candidate === undefined) continue;
      const skipped = right[place + 1] ?? -1;
      if (isOptional(candidate) && skipped >= 0) raise(right, place, skipped);
      const step = weightOf(columns[row], candidate);
      const taken = right[(row + 1) * width + at + 1] ?? -1;
      if (step >= 0 && taken >= 0) raise(right, place, taken + step);
    }
  }
  const best = right[0] ?? -1;
  return columns.map((column, row) => {
    if (best < 0) return undefined;
    const fitting = there.filter((candidate, at) => {
      const [before, after] = [
        left[row * width + at] ?? -1,
        right[(row + 1) * width + at + 1] ?? -1,
      ];
      const step = weightOf(column, candidate);
      return before >= 0 && after >= 0 && step >= 0 && before + step + after === best;
    });
    return fitting.length === 1 ? fitting[0]?.number : undefined;
  });
}

/** Whether the column need not have been published, or may have come or gone in the transaction. */
function isOptional({ touched, generated }: CandidateColumn): boolean {
  return touched === 'within' || generated;
}

/** Whether the column may have been added after the change. */
function isNew({ touched, generated }: CandidateColumn): boolean {
  return touched !== 'before' || generated;
}

/** -1 when it cannot be that column. */
function weightOf(column: RelationColumn | undefined, candidate: CandidateColumn): number {
  if (column === undefined) return -1;
  const sameType = column.type === candidate.type;
  const same = sameType && column.name === candidate.name;
  // What nobody has touched since is what it was.
  if (candidate.touched === 'before') return same ? SAME : -1;
  if (candidate.touched === 'within' && same) return SAME;
  return sameType ? SAME_TYPE : 0;
}

function raise(weights: Int32Array, place: number, weight: number): void {
  if (weight > (weights[place] ?? -1)) weights[place] = weight;
}
