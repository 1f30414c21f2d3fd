import { InvalidArgumentError } from 'commander';
import { type Operation, OPERATIONS } from '../../change/change.ts';
import type { UndoMoment } from '../../undo/undo-plan.ts';
import { parsePlace } from '../arguments.ts';
import { withFixedValues } from '../fixed-values.ts';

/**
 * A time, an offset, or how long ago. How long ago becomes a time here, so that the command that is
 * printed for later means the same then.
 */
export function parseUndoMoment(text: string): UndoMoment {
  // A time with microseconds stays as it is: a Date would round it.
  if (/^\d{4}-.*\.\d{4,6}Z$/.test(text)) return text;
  const place = parsePlace(text);
  if (typeof place === 'number') return place;
  if (place instanceof Date) return place.toISOString();
  throw new InvalidArgumentError(
    'Write a time such as 2026-11-21T08:00:00Z, an offset, or how long ago, such as 10m.',
  );
}

export const parseOperation = withFixedValues(
  (text: string, sofar: readonly Operation[] | undefined): readonly Operation[] => [
    ...(sofar ?? []),
    parseChoice(OPERATIONS)(text),
  ],
  OPERATIONS,
);

export function parseChoice<Choice extends string>(
  choices: readonly Choice[],
): (text: string) => Choice {
  return withFixedValues((text: string) => {
    const choice = choices.find((candidate) => candidate === text);
    if (choice === undefined) throw new InvalidArgumentError(`Write one of ${choices.join(', ')}.`);
    return choice;
  }, choices);
}
