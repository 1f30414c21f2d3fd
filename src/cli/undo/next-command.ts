import type { ConflictReason } from '../../source/undo-target.ts';
import type { OnConflict, UndoPlan } from '../../undo/undo-plan.ts';
import type { ParsedOptions } from '../command.ts';
import type { Output } from '../io.ts';
import { painter } from '../terminal/style.ts';

/** Options that are flags, and what they are called. */
const LISTS: Readonly<Record<string, string>> = {
  transaction: '--transaction',
  table: '--table',
  since: '--since',
  until: '--until',
  to: '--to',
  operation: '--operation',
  key: '--key',
  where: '--where',
  actor: '--actor',
  source: '--source',
  config: '--config',
  dataDir: '--data-dir',
  by: '--by',
};

/** Conflicts that `force` does away with. */
const FORCED: readonly ConflictReason[] = [
  'changed-later',
  're-created',
  'column-dropped',
  'column-retyped',
  'truncated',
];
/** Conflicts behind which there is a later change of a row. */
const CASCADED: readonly ConflictReason[] = [
  'changed-later',
  're-created',
  'unique-taken',
  'parent-missing',
  'child-added',
];

/** What to type next: the same undo with `--apply`, or with a way through its conflicts. */
export function nextCommand(plan: UndoPlan, options: ParsedOptions, output: Output): string {
  const paint = painter(output);
  if (plan.total === 0 && plan.conflicts.total === 0) return '';
  const words = ['tidings undo', ...givenWords(options)];
  if (options['withoutTriggers'] === true) words.push('--without-triggers');
  const command = `${words.join(' ')} --apply`;
  if (plan.conflicts.total === 0) {
    return `\nNothing has been changed yet. To do it:\n  ${paint('cyan', command)}\n`;
  }
  const reasons = Object.keys(plan.conflicts.byReason) as readonly ConflictReason[];
  const ways: [OnConflict, string][] = [['skip', 'without the rows in conflict']];
  if (reasons.some((reason) => CASCADED.includes(reason))) {
    ways.push(['cascade', 'the later changes too']);
  }
  if (reasons.every((reason) => FORCED.includes(reason))) {
    ways.push(['force', 'whatever was changed since']);
  }
  const lines = ways.map(
    ([way, does]) =>
      `  ${paint('dim', `# ${does}`)}\n  ${paint('cyan', `${command} --on-conflict ${way}`)}\n`,
  );
  return `\nNothing has been changed. Ways on:\n${lines.join('')}`;
}

/** How to take an undo back. */
export function redoCommand(transaction: string, options: ParsedOptions): string {
  const { config, dataDir, source } = options;
  const words = givenWords({ config, dataDir, source });
  return ['tidings undo --transaction', transaction, ...words].join(' ');
}

function givenWords(options: ParsedOptions): readonly string[] {
  return Object.entries(LISTS).flatMap(([name, flag]) => {
    const value = options[name];
    const values = Array.isArray(value) ? (value as unknown[]) : [value];
    return values.flatMap((each) =>
      typeof each === 'string' || typeof each === 'number' ? [flag, shellWord(String(each))] : [],
    );
  });
}

/** A word as a POSIX shell reads it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
