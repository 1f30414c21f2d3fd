import type { Environment } from '@marcbachmann/cel-js';
import { Decimal } from './decimal.ts';
import { compareNumbers } from './decimals.ts';
import { Instant } from './instant.ts';
import { mismatch } from './mismatches.ts';

const NUMBERS: readonly string[] = ['int', 'double', 'decimal'];
const TYPES = [...NUMBERS, 'string', 'bool', 'instant'];

/**
 * `in` for lists, by the same rules as `==`: the library's own compares a decimal with `[100, 200]`
 * by identity.
 *
 * The library takes the first declaration that fits exactly and refuses an expression for which two
 * fit loosely, so each pair is declared for known and for dynamic types, and for lists of both.
 */
export function addMembership(environment: Environment): void {
  for (const type of TYPES) {
    for (const left of [type, `dyn<${type}>`]) {
      for (const element of TYPES) {
        const comparable =
          element === type || (NUMBERS.includes(type) && NUMBERS.includes(element));
        environment.registerOperator(
          `${left} in list<${element}>`,
          comparable
            ? contains
            : () => {
                throw mismatch(type, element);
              },
        );
      }
      environment.registerOperator(`${left} in list`, contains);
    }
  }
}

function contains(value: unknown, list: Iterable<unknown>): boolean {
  for (const element of list) if (sameValue(value, element)) return true;
  return false;
}

function sameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isNumber(left)) return isNumber(right) && compareNumbers(left, right) === 0;
  return left instanceof Instant && right instanceof Instant && left.micros === right.micros;
}

function isNumber(value: unknown): value is Decimal | bigint | number {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Decimal;
}
