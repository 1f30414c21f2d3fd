import type { UndoOutcome, UndoPlan, UndoResult } from '../../undo/undo-plan.ts';
import { formatCounted, formatDuration } from '../terminal/format.ts';
import { painter } from '../terminal/style.ts';
import {
  conflictsText,
  notesText,
  notReadyNotes,
  tablesText,
  type UndoTelling,
} from './plan-text.ts';

/** What an applied (or refused) undo did. */
export function resultText({ plan, result }: UndoOutcome, telling: UndoTelling): string {
  const { output, commands } = telling;
  const paint = painter(output);
  if (!result.applied) {
    const refused = `${paint('red', 'Refused')}: nothing was changed.\n\n${conflictsText(result.conflicts, telling)}`;
    const notes = notesText([...notReadyNotes(plan), ...plan.warnings], telling);
    return notes === '' ? refused : `${refused}\n${notes}`;
  }
  if (result.transaction === null) return nothingText(plan, result, telling);
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
  lines.push(notesText([...leftOut, ...result.warnings], telling));
  const redo = commands.of('undo', '--transaction', result.transaction);
  lines.push(`\nTo take the undo back:\n  ${paint('cyan', redo)}\n`);
  return lines.join('');
}

function nothingText(plan: UndoPlan, result: UndoResult, telling: UndoTelling): string {
  if (result.skipped > 0) {
    const left =
      result.skipped === 1
        ? 'its one row is in conflict and was left out'
        : `all ${formatCounted(result.skipped, 'row')} are in conflict and were left out`;
    return `Nothing was changed: ${left}.\n${notesText(notReadyNotes(plan), telling)}`;
  }
  // What a partition took with it is not as it was, although there is no row to change.
  if ((result.conflicts.byReason['partition-changed'] ?? 0) > 0) {
    return `Nothing was changed: no change of a row is left to undo.\n\n${conflictsText(result.conflicts, telling)}`;
  }
  // Of a truncate the log has no row.
  if (result.warnings.length > 0) {
    return `Nothing was changed: no row is left to put back.\n${notesText(result.warnings, telling)}`;
  }
  const why =
    plan.tables.length === 0 ? 'no row is changed by it' : 'every row is already as it should be';
  return `Nothing to do: ${why}.\n${notesText(plan.warnings, telling)}`;
}
