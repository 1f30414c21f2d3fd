import type { UndoOutcome, UndoPlan, UndoResult } from '../../undo/undo-plan.ts';
import type { ParsedOptions } from '../command.ts';
import type { Io } from '../io.ts';
import { formatCounted, formatDuration } from '../terminal/format.ts';
import { painter } from '../terminal/style.ts';
import { redoCommand } from './next-command.ts';
import { conflictsText, notesText, notReadyNotes, tablesText } from './plan-text.ts';

/** What an applied (or refused) undo did. */
export function resultText(
  { plan, result }: UndoOutcome,
  options: ParsedOptions,
  io: Pick<Io, 'stdout' | 'env'>,
): string {
  const output = io.stdout;
  const paint = painter(output);
  if (!result.applied) {
    const refused = `${paint('red', 'Refused')}: nothing was changed.\n\n${conflictsText(result.conflicts, output)}`;
    const notes = notesText([...notReadyNotes(plan), ...plan.warnings], output);
    return notes === '' ? refused : `${refused}\n${notes}`;
  }
  if (result.transaction === null) return nothingText(plan, result, io);
  const took = formatDuration(result.seconds * 1000);
  const lines = [
    `${paint('green', 'Undone')}: ${formatCounted(result.total, 'row')} in one transaction, ${took}.\n\n`,
    tablesText(result.tables, output),
  ];
  if (result.skipped > 0)
    lines.push(`\nLeft out: ${formatCounted(result.skipped, 'row')} in conflict.\n`);
  if (result.forced > 0)
    lines.push(
      `\nForced: ${formatCounted(result.forced, 'row')} in conflict ${result.forced === 1 ? 'was' : 'were'} written all the same.\n`,
    );
  if (result.cascaded > 0)
    lines.push(`\nUndone too: ${formatCounted(result.cascaded, 'later change')}.\n`);
  const leftOut = result.skipped > 0 ? notReadyNotes(plan) : [];
  lines.push(notesText([...leftOut, ...result.warnings], output));
  const redo = redoCommand(result.transaction, options, io);
  lines.push(`\nTo take the undo back:\n  ${paint('cyan', redo)}\n`);
  return lines.join('');
}

function nothingText(plan: UndoPlan, result: UndoResult, { stdout }: Pick<Io, 'stdout'>): string {
  if (result.skipped > 0) {
    const left =
      result.skipped === 1
        ? 'its one row is in conflict and was left out'
        : `all ${formatCounted(result.skipped, 'row')} are in conflict and were left out`;
    return `Nothing was changed: ${left}.\n${notesText(notReadyNotes(plan), stdout)}`;
  }
  // What a partition took with it is not as it was, although there is no row to change.
  if ((result.conflicts.byReason['partition-changed'] ?? 0) > 0) {
    return `Nothing was changed: no change of a row is left to undo.\n\n${conflictsText(result.conflicts, stdout)}`;
  }
  // Of a truncate the log has no row.
  if (result.warnings.length > 0) {
    return `Nothing was changed: no row is left to put back.\n${notesText(result.warnings, stdout)}`;
  }
  const why =
    plan.tables.length === 0 ? 'no row is changed by it' : 'every row is already as it should be';
  return `Nothing to do: ${why}.\n${notesText(plan.warnings, stdout)}`;
}
