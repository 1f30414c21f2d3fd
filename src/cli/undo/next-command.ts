import type { ConflictReason } from '../../source/undo-target.ts';
import type { OnConflict, UndoPlan } from '../../undo/undo-plan.ts';
import { optionWords } from '../command-line.ts';
import type { ParsedOptions } from '../command-line.ts';
import { painter } from '../terminal/style.ts';
import type { UndoTelling } from './plan-text.ts';

/** What an undo is asked with. */
const ASKED: Readonly<Record<string, string>> = {
  transaction: '--transaction',
  table: '--table',
  since: '--since',
  until: '--until',
  to: '--to',
  operation: '--operation',
  key: '--key',
  where: '--where',
  actor: '--actor',
  by: '--by',
};

/** Conflicts that `force` does away with. */
const FORCED: readonly ConflictReason[] = [
  'changed-later',
  're-created',
  'column-dropped',
  'column-retyped',
  'table-uncertain',
  'truncated',
  'partition-changed',
];
/** Conflicts behind which there is a later change of a row. */
const CASCADED: readonly ConflictReason[] = [
  'changed-later',
  're-created',
  'unique-taken',
  'parent-missing',
  'child-added',
];

/** Where an undo is told of, with which commands, and how it was asked for. */
export interface Asked extends UndoTelling {
  readonly options: ParsedOptions;
}

/** What to type next: the same undo with `--apply`, or with a way through its conflicts. */
export function nextCommand(plan: UndoPlan, { output, options, commands }: Asked): string {
  const paint = painter(output);
  if (plan.total === 0 && plan.conflicts.total === 0) return '';
  const words = ['undo', ...optionWords(options, ASKED)];
  if (options['withoutTriggers'] === true) words.push('--without-triggers');
  const command = `${commands.of(...words)} --apply`;
  const toDoIt = (does: string): string =>
    `\nNothing has been changed yet. To do it:\n  ${paint('cyan', does)}\n`;
  if (plan.conflicts.total === 0) return toDoIt(command);
  if (doesAwayWithAll(plan)) return toDoIt(`${command} --on-conflict ${plan.onConflict}`);
  const reasons = Object.keys(plan.conflicts.byReason) as readonly ConflictReason[];
  const ways: [OnConflict, string][] = [['skip', 'without the rows in conflict']];
  if (reasons.some((reason) => CASCADED.includes(reason))) {
    ways.push(['cascade', 'the later changes too']);
  }
  if (reasons.every((reason) => FORCED.includes(reason))) {
    ways.push(['force', forceDoes(reasons)]);
  }
  // What has been chosen and did not help is no way on.
  const lines = ways
    .filter(([way]) => way !== plan.onConflict)
    .map(
      ([way, does]) =>
        `  ${paint('dim', `# ${does}`)}\n  ${paint('cyan', `${command} --on-conflict ${way}`)}\n`,
    );
  return `\nNothing has been changed. Ways on:\n${lines.join('')}`;
}

/** What `force` means for these conflicts. */
function forceDoes(reasons: readonly ConflictReason[]): string {
  return reasons.every((reason) => CASCADED.includes(reason))
    ? 'whatever was changed since'
    : 'the rows in conflict too, as far as that can be';
}

/** Whether the way that was chosen leaves something to do, and nothing that stands against it. */
function doesAwayWithAll({ onConflict, tables, total }: UndoPlan): boolean {
  if (onConflict === 'refuse' || total === 0) return false;
  return onConflict === 'skip' || tables.every(({ conflict }) => conflict === 0);
}
