import type { JsonValue } from '../../change/dialect.ts';
import type { Row } from '../../change/change.ts';
import type { ConflictReason } from '../../source/undo-target.ts';
import type { UndoConflicts, UndoPlan, UndoRow, UndoTable } from '../../undo/undo-plan.ts';
import type { CommandLines } from '../command-line.ts';
import type { Output } from '../io.ts';
import { formatCount, formatCounted, formatTime } from '../terminal/format.ts';
import { valueOf } from '../change-line.ts';
import { harmless } from '../../util/harmless.ts';
import { type Paint, painter, type Style } from '../terminal/style.ts';
import { renderTable } from '../terminal/table.ts';
import { truncate } from '../terminal/width.ts';

/** A value that is longer is cut where rows are shown. */
const VALUE_WIDTH = 32;
/** Conflicts that are told one by one. */
const TOLD = 10;

/** Where an undo is told of, and with which commands. */
export interface UndoTelling {
  readonly output: Output;
  readonly commands: CommandLines;
}

/** A plan as a person reads it, without the command that comes next. */
export function planText(
  plan: UndoPlan,
  telling: UndoTelling,
  { sample }: { readonly sample: boolean },
): string {
  const { output } = telling;
  const paint = painter(output);
  const parts = [heading(plan, paint)];
  if (plan.tables.length > 0) parts.push(tablesText(plan.tables, output));
  else if (plan.conflicts.total === 0) parts.push('Nothing to do: no row is changed by it.\n');
  if (sample && plan.sample.length > 0) parts.push(sampleText(plan, output));
  if (plan.conflicts.total > 0) parts.push(conflictsText(plan.conflicts, telling));
  const notes = [...notReadyNotes(plan), ...plan.warnings];
  if (notes.length > 0) parts.push(notesText(notes, telling));
  return parts.join('\n');
}

/** What has no whole old rows in the log: where, since when, and what to run. */
export function notReadyNotes({ notReady }: UndoPlan): readonly string[] {
  return notReady.map(({ message, hint, since }) => {
    // Partitions are told with a time of their own each.
    const told = since === null || message.includes(since);
    return `${message}${told ? '' : ` Since ${since}.`} ${hint}`;
  });
}

export function notesText(notes: readonly string[], { output, commands }: UndoTelling): string {
  const paint = painter(output);
  return notes
    .map((note) => `${paint('yellow', 'note')}  ${harmless(commands.in(note))}\n`)
    .join('');
}

function heading(plan: UndoPlan, paint: Paint): string {
  const { transaction, request } = plan;
  const count = formatCounted(plan.changes, 'change');
  if (transaction !== null) {
    const by = transaction.actor === null ? '' : `, by ${harmless(transaction.actor)}`;
    const part =
      plan.changes === transaction.changes
        ? count
        : `${count} of ${formatCount(transaction.changes)}`;
    return `${paint('bold', `Undo of transaction ${transaction.id}`)}  ${formatTime(transaction.committedAt)}${by}: ${part}\n`;
  }
  const tables = harmless(request.tables?.join(', ') ?? '');
  const when =
    'to' in request
      ? `to how it was at ${request.to}`
      : 'since' in request
        ? `of changes since ${request.since}${request.until === undefined ? '' : ` until ${request.until}`}`
        : '';
  return `${paint('bold', `Undo of ${tables}`)}  ${when}: ${count}\n`;
}

export function tablesText(tables: readonly UndoTable[], output: Output): string {
  const number = (count: number): string => (count === 0 ? '-' : formatCount(count));
  const conflicts = tables.some(({ conflict }) => conflict > 0);
  const rows = tables.map((table) => [
    harmless(table.table),
    number(table.insert),
    number(table.update),
    number(table.delete),
    number(table.already),
    ...(conflicts ? [number(table.conflict)] : []),
  ]);
  const titles = ['put back', 'change back', 'remove', 'already so'];
  const columns = [...titles, ...(conflicts ? ['in conflict'] : [])].map(
    (title) => ({ title, align: 'right' }) as const,
  );
  return renderTable([{ title: 'table', cut: true }, ...columns], rows, output);
}

function sampleText(plan: UndoPlan, output: Output): string {
  const rows = plan.sample.map((row) => rowText(row, output)).join('');
  const all = plan.tables.reduce(
    (sum, table) => sum + table.insert + table.update + table.delete + table.conflict,
    0,
  );
  const unknown = UNKNOWN.reduce((sum, reason) => sum + (plan.conflicts.byReason[reason] ?? 0), 0);
  const shown = plan.onConflict === 'skip' ? plan.total : all - unknown;
  const more = shown - plan.sample.length;
  const rest = more > 0 ? `  … and ${formatCount(more)} more; --all shows them\n` : '';
  return `${rows}${painter(output)('dim', rest)}`;
}

/** Conflicts of rows that the log cannot show, or that have no table to be compared with. */
const UNKNOWN: readonly ConflictReason[] = [
  'identity-not-full',
  'truncated',
  'partition-changed',
  'table-missing',
];

const MARKS: Readonly<Record<UndoRow['operation'], readonly [Style, string]>> = {
  insert: ['green', '+'],
  update: ['yellow', '~'],
  delete: ['red', '-'],
};

/** One row on a line: what it will be, or what of it changes from what to what. */
export function rowText(row: UndoRow, output: Output): string {
  const paint = painter(output);
  const [style, mark] = MARKS[row.operation];
  const { key, before, after, changed, conflict } = row;
  const named = key === null ? '' : ` ${pairs(key, Object.keys(key))}`;
  const inKey = new Set(Object.keys(key ?? {}));
  const values =
    changed === null
      ? pairs(
          after ?? before ?? {},
          Object.keys(after ?? before ?? {}).filter((name) => !inKey.has(name)),
        )
      : changed
          .map(
            (name) =>
              `${name}: ${valueText(valueOf(before, name))} → ${valueText(valueOf(after, name))}`,
          )
          .join(', ');
  const stays = conflict ? '  (in conflict)' : '';
  const line = `${mark} ${harmless(row.table)}${named}${stays}  ${values}`;
  const width = output.isTerminal ? output.columns - 2 : Number.POSITIVE_INFINITY;
  return `  ${paint(style, truncate(line, width))}\n`;
}

function pairs(row: Row, names: readonly string[]): string {
  return names.map((name) => `${name}=${valueText(valueOf(row, name))}`).join(' ');
}

function valueText(value: JsonValue | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  const plain = typeof value === 'string' && /[\s,]|^$/.test(text) ? JSON.stringify(text) : text;
  return harmless(truncate(plain, VALUE_WIDTH)).replaceAll('\n', '\\n');
}

export function conflictsText(conflicts: UndoConflicts, { output, commands }: UndoTelling): string {
  const paint = painter(output);
  const lines = [`${paint('red', formatCounted(conflicts.total, 'conflict'))}\n`];
  for (const [reason, count] of Object.entries(conflicts.byReason)) {
    const some = conflicts.list.filter((conflict) => conflict.reason === reason);
    const counted = formatCounted(count, reason === 'partition-changed' ? 'partition' : 'row');
    lines.push(`  ${paint('bold', REASONS[reason as ConflictReason])}  ${counted}\n`);
    for (const { message } of some.slice(0, TOLD)) lines.push(`    ${harmless(message)}\n`);
    if (count > TOLD) lines.push(paint('dim', `    … --json lists up to 100 of them\n`));
    const hints = new Set(
      some.map(({ hint }) => hint.replace(/ Or undo that transaction first.*/, '')),
    );
    for (const hint of [...hints].slice(0, TOLD))
      lines.push(`    ${paint('cyan', `→ ${harmless(commands.in(hint))}`)}\n`);
  }
  return lines.join('');
}

const REASONS: Readonly<Record<ConflictReason, string>> = {
  'changed-later': 'changed later',
  're-created': 're-created',
  'unique-taken': 'unique value taken',
  'parent-missing': 'parent missing',
  'child-added': 'child added',
  'constraint-violated': 'not taken by the table any more',
  'rewrite-rule': 'rule in the way',
  'row-hidden': 'hidden by row security',
  'identity-not-full': 'old row not known',
  truncated: 'truncated',
  'partition-changed': 'partition changed',
  'column-dropped': 'column dropped',
  'column-retyped': 'column retyped',
  'partition-missing': 'partition missing',
  'table-missing': 'table missing',
  'table-uncertain': 'table uncertain',
  'table-added': 'table captured since later',
  'no-privilege': 'right missing',
};
