import type { Environment } from '@marcbachmann/cel-js';
import { UndecidableError } from './undecidable.ts';

/** Types of which no value ever equals one of another group. */
const GROUPS: readonly (readonly string[])[] = [
  ['int', 'double', 'decimal'],
  ['string'],
  ['bool'],
  ['instant'],
  ['bytes'],
  ['list'],
  ['map'],
];

/** Pairs of types from two groups, each pair once. */
export function mismatchedPairs(): (readonly [string, string])[] {
  return GROUPS.flatMap((left, place) =>
    GROUPS.slice(place + 1).flatMap((right) =>
      left.flatMap((a) => right.map((b): [string, string] => [a, b])),
    ),
  );
}

export function mismatch(left: string, right: string): UndecidableError {
  return new UndecidableError(`a value of type ${left} is compared with one of type ${right}`);
}

/**
 * Comparing values of different types is an error. CEL says "not equal", but `after.id == "7"` is a
 * slip, and it would keep every change from the subscriber without a word.
 */
export function addMismatches(environment: Environment): void {
  for (const [left, right] of mismatchedPairs()) {
    environment.registerOperator(`${left} == ${right}`, () => {
      throw mismatch(left, right);
    });
  }
}
