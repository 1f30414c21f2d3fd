import type { Environment } from '@marcbachmann/cel-js';
import { plain } from './plain.ts';
import { UNKNOWN } from './undecidable.ts';

const ORDERED = ['int', 'double', 'decimal', 'string', 'bool', 'instant'];
const NUMBERS = ['int', 'double', 'decimal'];

const unknown = (): never => {
  throw UNKNOWN;
};

const makeNull = (): null => null;

/**
 * SQL's way with null where CEL knows only errors: a test of null is neither true nor false, and
 * arithmetic with null is null. A condition without an answer does not hold.
 *
 * `==` and `!=` say plainly whether something is null, as everywhere in CEL. What is not declared
 * here fails with an error that names null; `where.ts` takes that for the same.
 */
export function addNulls(environment: Environment): void {
  for (const operator of ['<', '<=', '>', '>=']) {
    environment.registerOperator(`null ${operator} null`, unknown);
    for (const type of ORDERED) {
      environment.registerOperator(`null ${operator} ${type}`, unknown);
      environment.registerOperator(`${type} ${operator} null`, unknown);
    }
  }
  for (const operator of ['+', '-', '*']) {
    environment.registerOperator(`null ${operator} null: null`, makeNull);
    for (const type of NUMBERS) {
      environment.registerOperator(`null ${operator} ${type}: null`, makeNull);
      environment.registerOperator(`${type} ${operator} null: null`, makeNull);
    }
  }
  environment.registerOperator('!null', unknown);
  for (const test of ['startsWith', 'endsWith', 'contains', 'like', 'ilike']) {
    environment.registerFunction(`null.${test}(string): bool`, plain(unknown));
  }
  for (const change of ['lowerAscii', 'upperAscii', 'trim']) {
    environment.registerFunction(`null.${change}(): null`, plain(makeNull));
  }
}
