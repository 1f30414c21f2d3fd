import type { UndoPlan } from '../../undo/undo-plan.ts';
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

/** What to type next: the same undo with `--apply`, or with a way through its conflicts. */
export function nextCommand(plan: UndoPlan, options: ParsedOptions, output: Output): string {
  const paint = painter(output);
  if (plan.total === 0 && plan.conflicts.total === 0) return '';
  const words = ['tidings undo', ...givenWords(options)];
  if (options['withoutTriggers'] === true) words.push('--without-triggers');
  const command = words.join(' ');
  const line = (text: string, does: string): string => `  ${paint('cyan', text)}   ${does}\n`;
  if (plan.conflicts.total === 0) {
    return `\nNothing has been changed yet. To do it:\n${line(`${command} --apply`, '')}`.replace(
      / +\n$/,
      '\n',
    );
  }
  return [
    '\nNothing has been changed. Ways on:\n',
    line(`${command} --apply --on-conflict skip`, 'without the rows in conflict'),
    line(`${command} --apply --on-conflict cascade`, 'the later changes too'),
    line(`${command} --apply --on-conflict force`, 'overwrite what was changed later'),
  ].join('');
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
