import type { Environment } from '@marcbachmann/cel-js';
import type { Duration } from '@marcbachmann/cel-js/evaluator';
import { Instant } from './instant.ts';
import { plain } from './plain.ts';
import { UndecidableError } from './undecidable.ts';

/** What `timestamp(…)` of a condition calls: the library's own function would round. */
export const INSTANT_FUNCTION = 'instant';

const DURATION = 'google.protobuf.Duration';

/** CEL's calendar methods, in UTC; months, days of the month and of the year count from 0 there. */
const FIELDS: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) =>
    Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0)) / 86_400_000),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

/** The type of points in time, `instant`: what `timestamp(…)` makes and zoned columns hold. */
export function addInstants(environment: Environment): void {
  // Without declared fields the library would read any property of the object.
  environment
    .registerType('instant', { ctor: Instant, fields: {} })
    .registerFunction(`${INSTANT_FUNCTION}(string): instant`, plain(parseInstant))
    .registerFunction(
      `${INSTANT_FUNCTION}(int): instant`,
      plain((seconds: bigint) => new Instant(seconds * 1_000_000n)),
    )
    .registerFunction(
      'string(instant): string',
      plain((instant: Instant) => instant.toString()),
    );
  addComparisons(environment);
  environment
    .registerOperator(`instant + ${DURATION}: instant`, (a: Instant, b: Duration) => a.add(b))
    .registerOperator(`${DURATION} + instant: instant`, (a: Duration, b: Instant) => b.add(a))
    .registerOperator(`instant - ${DURATION}: instant`, (a: Instant, b: Duration) => a.subtract(b))
    .registerOperator(`instant - instant: ${DURATION}`, (a: Instant, b: Instant) => a.since(b));
  for (const [name, field] of Object.entries(FIELDS)) {
    environment.registerFunction(
      `instant.${name}(): int`,
      plain((instant: Instant) => BigInt(field(instant.toDate()))),
    );
  }
}

function addComparisons(environment: Environment): void {
  environment
    .registerOperator('instant == instant', (a: Instant, b: Instant) => a.micros === b.micros)
    .registerOperator('instant < instant', (a: Instant, b: Instant) => a.micros < b.micros)
    .registerOperator('instant <= instant', (a: Instant, b: Instant) => a.micros <= b.micros)
    .registerOperator('instant > instant', (a: Instant, b: Instant) => a.micros > b.micros)
    .registerOperator('instant >= instant', (a: Instant, b: Instant) => a.micros >= b.micros);
}

function parseInstant(text: string): Instant {
  const instant = Instant.parse(text);
  if (instant === null) {
    throw new UndecidableError(
      `${JSON.stringify(text)} is no time of the form 2026-01-31T12:00:00Z`,
    );
  }
  return instant;
}
