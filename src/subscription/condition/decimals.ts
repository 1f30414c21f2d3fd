import type { Environment } from '@marcbachmann/cel-js';
import { Decimal } from './decimal.ts';
import { plain } from './plain.ts';
import { UndecidableError } from './undecidable.ts';

type Numeric = Decimal | bigint | number;

const COMPARISONS: readonly (readonly [string, (order: number) => boolean])[] = [
  ['<', (order) => order < 0],
  ['<=', (order) => order <= 0],
  ['>', (order) => order > 0],
  ['>=', (order) => order >= 0],
];

const ARITHMETIC: readonly (readonly [string, (left: Decimal, right: Decimal) => Decimal])[] = [
  ['+', (left, right) => left.add(right)],
  ['-', (left, right) => left.subtract(right)],
  ['*', (left, right) => left.multiply(right)],
];

const PAIRS = [
  ['decimal', 'decimal'],
  ['decimal', 'int'],
  ['int', 'decimal'],
  ['decimal', 'double'],
  ['double', 'decimal'],
] as const;

export function compareNumbers(left: Numeric, right: Numeric): number {
  return Decimal.from(left).compare(Decimal.from(right));
}

/**
 * The type `decimal`: exact, and comparable with every other number. There is no division, which
 * has no exact result.
 */
export function addDecimals(environment: Environment): void {
  // Without declared fields the library would read any property of the object.
  environment.registerType('decimal', { ctor: Decimal, fields: {} });
  for (const [left, right] of PAIRS) {
    for (const [operator, holds] of COMPARISONS) {
      environment.registerOperator(`${left} ${operator} ${right}`, (a: Numeric, b: Numeric) =>
        holds(compareNumbers(a, b)),
      );
    }
    for (const [operator, calculate] of ARITHMETIC) {
      environment.registerOperator(
        `${left} ${operator} ${right}: decimal`,
        (a: Numeric, b: Numeric) => calculate(Decimal.from(a), Decimal.from(b)),
      );
    }
  }
  for (const other of ['decimal', 'int', 'double']) {
    environment
      .registerOperator(
        `decimal == ${other}`,
        (a: Numeric, b: Numeric) => compareNumbers(a, b) === 0,
      )
      .registerFunction(
        `decimal(${other}): decimal`,
        plain((value: Numeric) => Decimal.from(value)),
      );
  }
  environment
    .registerOperator('-decimal', (value: Decimal) => value.negate())
    .registerFunction('decimal(string): decimal', plain(parseDecimal))
    .registerFunction(
      'double(decimal): double',
      plain((value: Decimal) => value.toNumber()),
    )
    .registerFunction(
      'string(decimal): string',
      plain((value: Decimal) => value.toString()),
    );
}

function parseDecimal(text: string): Decimal {
  const decimal = Decimal.parse(text);
  if (decimal === null) throw new UndecidableError(`${JSON.stringify(text)} is no decimal number`);
  return decimal;
}
