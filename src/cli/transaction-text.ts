import type { TransactionReport } from '../app/looking/looking.ts';
import type { JsonValue } from '../change/dialect.ts';
import type { Operation } from '../change/change.ts';
import type { TableCount } from '../undo/looking/change-counts.ts';
import { OPERATION_STYLES, valueText } from './change-line.ts';
import type { CommandLines } from './command-line.ts';
import { formatCount, formatTime } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter, type Paint } from './terminal/style.ts';
import { pad } from './terminal/width.ts';

const PAST: Readonly<Record<Operation, string>> = {
  insert: 'inserted',
  update: 'updated',
  delete: 'deleted',
  truncate: 'truncated',
};

/** Who, and what else the application attached; empty when it attached nothing. */
export function contextText(context: JsonValue): string {
  if (context === null) return '';
  if (typeof context !== 'object' || Array.isArray(context)) return harmless(valueText(context));
  const members = Object.entries(context as { readonly [name: string]: JsonValue });
  const actor = members.find(([name]) => name === 'actor');
  const undone = undoneText(members.find(([name]) => name === 'undoOf')?.[1]);
  const others = members.filter(
    ([name]) => name !== 'actor' && (name !== 'undoOf' || undone === null),
  );
  return [
    ...(actor === undefined ? [] : [`by ${valueText(actor[1])}`]),
    ...(undone === null ? [] : [undone]),
    ...others.map(([name, value]) => `${harmless(name)}=${valueText(value)}`),
  ].join('  ');
}

/** What an undo took back, in its own words; null when it says nothing that can be read. */
function undoneText(undoOf: JsonValue | undefined): string | null {
  if (typeof undoOf !== 'object' || undoOf === null || !('what' in undoOf)) return null;
  return typeof undoOf.what === 'string' ? `undo of ${harmless(undoOf.what)}` : null;
}

/**
 * The commands that suggest themselves where a transaction was found.
 * @param tables what it did, where that is known: bookkeeping of migration tools alone is no undo.
 */
export function lookAndUndo(
  transaction: string,
  commands: CommandLines,
  tables?: readonly TableCount[],
): string {
  const undo =
    tables?.every(isBookkeeping) === true ? [] : [['undo', '--transaction', transaction]];
  return [['show', transaction], ...undo].map((words) => `→ ${commands.of(...words)}\n`).join('');
}

/** Whether a table is how a migration tool knows what it has done. */
export function isBookkeeping({ tool }: TableCount): boolean {
  return tool !== null;
}

/** What stands behind the table's name then. */
export function toolText({ tool }: TableCount): string {
  return tool === null ? '' : ` (bookkeeping of ${tool})`;
}

/** `public.accounts: 159 deleted` */
export function countsText(tables: readonly TableCount[], paint: Paint): string {
  return tables
    .map((count) => {
      const parts = (['insert', 'update', 'delete', 'truncate'] as const).flatMap((operation) =>
        count[operation] === 0
          ? []
          : [
              paint(
                OPERATION_STYLES[operation],
                `${formatCount(count[operation])} ${PAST[operation]}`,
              ),
            ],
      );
      const of = paint('dim', toolText(count));
      return `${paint('bold', harmless(count.table))}${of}: ${parts.join(', ')}`;
    })
    .join('; ');
}

/** One transaction on a line: when, its number, what it did, who. */
export function transactionLine(
  transaction: TransactionReport,
  tables: readonly TableCount[],
  output: { readonly colour: boolean },
): string {
  const paint = painter(output);
  const matching = tables.reduce(
    (sum, count) => sum + count.insert + count.update + count.delete + count.truncate,
    0,
  );
  const { id, committedAt, changes, context } = transaction;
  const all = matching === changes ? '' : paint('dim', `of ${formatCount(changes)} changes`);
  return [
    paint('dim', formatTime(committedAt)),
    pad(id, 10, 'right'),
    countsText(tables, paint),
    all,
    contextText(context),
  ]
    .filter((part) => part !== '')
    .join('  ');
}
