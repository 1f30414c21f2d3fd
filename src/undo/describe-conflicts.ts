import { shellWord } from '../errors/shell-word.ts';
import type { Row } from '../change/change.ts';
import { qualifiedName } from '../change/table.ts';
import { formatMicros } from '../change/time.ts';
import type { LoggedTable, LoggedTransaction, LogReader, LogRecord } from '../log/log.ts';
import type {
  Assessment,
  ConflictReason,
  RowName,
  TableName,
  TargetConflict,
} from '../source/undo-target.ts';
import { idsOf, tableNamed } from './looking/known-tables.ts';
import type { SearchableLog } from './looking/searchable-log.ts';
import {
  capital,
  opposingPartitions,
  type PartitionChange,
  partitionConflict,
} from './partition-changes.ts';
import type { TableSql } from './partition-remedy.ts';
import { readRow } from './read-changes.ts';
import { placeInWords, versionsOf } from './table-versions.ts';
import type { RowView } from './row-view.ts';
import { actorOf, type Selection } from './selection.ts';
import type { Lacking } from './stage-changes.ts';
import {
  LISTED_CONFLICTS,
  type UndoCause,
  type UndoConflict,
  type UndoConflicts,
} from './undo-plan.ts';

/** How long the log is searched for the transactions behind conflicts; milliseconds. */
const SEARCH_TIME = 400;

export interface DescribeOptions {
  readonly log: SearchableLog;
  readonly selection: Selection;
  readonly view: RowView;
  readonly tableSql: TableSql;
  readonly signal: AbortSignal;
}

/** Puts conflicts into words, with the transactions behind them where the log knows. */
export async function describeConflicts(
  assessment: Assessment,
  found: { readonly conflicts: readonly TargetConflict[]; readonly lacking: readonly Lacking[] },
  options: DescribeOptions,
): Promise<UndoConflicts> {
  const byReason: Partial<Record<ConflictReason, number>> = {};
  let total = 0;
  const counted = [...found.lacking, ...assessment.conflicts];
  for (const { reason, rows } of counted) {
    byReason[reason] = (byReason[reason] ?? 0) + rows;
    total += rows;
  }
  const opposing = opposingPartitions(options.selection);
  if (opposing.length > 0) byReason['partition-changed'] = opposing.length;
  total += opposing.length;
  const list = [
    ...opposing.map((change) => describePartition(change, options.tableSql)),
    ...found.lacking.flatMap((lacking) => describeLacking(lacking, options)),
  ];
  const deadline = performance.now() + SEARCH_TIME;
  for (const conflict of found.conflicts.slice(0, LISTED_CONFLICTS - list.length)) {
    const cause =
      conflict.cause !== null && performance.now() < deadline
        ? await findCause(conflict.cause, options)
        : null;
    list.push(describe(conflict, cause, options));
  }
  return { total, byReason, list: list.slice(0, LISTED_CONFLICTS) };
}

/** The key's text as the log has it; null when the log names rows of the table by other columns. */
export function logKey(row: RowName, table: LoggedTable | undefined): string | null {
  if (table === undefined || table.key.length !== row.columns.length) return null;
  const texts = table.key.map((index) => {
    const place = row.columns.indexOf(table.columns[index]?.name ?? '');
    return row.key[place];
  });
  if (!texts.every((text) => text !== undefined)) return null;
  return texts.length === 1 ? (texts[0] ?? null) : JSON.stringify(texts);
}

/** The newest version of a table that the log has. */
export function newestVersion(log: LogReader, table: TableName): LoggedTable | undefined {
  return versionsOf(log, table).at(-1);
}

/** The last change of a row that is not itself undone. */
async function findCause(
  row: RowName,
  { log, selection, signal }: DescribeOptions,
): Promise<LoggedTransaction | null> {
  const table = await tableNamed(log, row);
  const key = logKey(row, table?.versions.at(-1));
  if (table === null || key === null) return null;
  let last: LogRecord | null = null;
  const wanted = { tables: idsOf(table.versions), key, from: selection.from, to: log.head };
  for await (const page of readRow(log, wanted, signal)) {
    last = page.findLast((record) => !selection.accepts(record)) ?? last;
  }
  return last?.transaction ?? null;
}

export function toCause({ id, committedAt, context }: LoggedTransaction): UndoCause {
  return { id, committedAt: formatMicros(committedAt), actor: actorOf(context) };
}

function describe(
  conflict: TargetConflict,
  transaction: LoggedTransaction | null,
  { log, view, tableSql }: DescribeOptions,
): UndoConflict {
  const { reason, table, row, cause, detail, fix, rows } = conflict;
  const name = qualifiedName(table);
  const key = row === null ? null : view.key(row, newestVersion(log, row));
  const other = cause === null ? null : view.key(cause, newestVersion(log, cause));
  const [message, hint] = WORDS[reason]({
    table: name,
    sql: tableSql(table),
    row: key === null ? `a row of ${name}` : `${name} ${keyText(key)}`,
    other:
      // Without a cause of its own a conflict's is the row itself.
      cause === null || other === null || cause === row
        ? 'another row'
        : `${qualifiedName(cause)} ${keyText(other)}`,
    detail:
      row === null && reason === 'changed-later'
        ? `it is there no more or less often: ${detail}`
        : detail,
    rows,
    by: byWhom(transaction),
    again:
      transaction === null
        ? ''
        : ` Or undo that transaction first: \`tidings undo --transaction ${transaction.id}\``,
  });
  return {
    reason,
    table: name,
    key,
    rows,
    message,
    hint: fix ?? hint,
    transaction: transaction === null ? null : toCause(transaction),
  };
}

function byWhom(transaction: LoggedTransaction | null): string {
  if (transaction === null) return '';
  const actor = actorOf(transaction.context);
  const who = actor === null ? '' : `, ${actor}`;
  return ` (transaction ${transaction.id}, ${formatMicros(transaction.committedAt)}${who})`;
}

function keyText(key: Row): string {
  return Object.entries(key)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
}

interface Particulars {
  readonly table: string;
  /** The table's name in SQL. */
  readonly sql: string;
  readonly row: string;
  readonly other: string;
  readonly detail: string;
  readonly rows: number;
  readonly by: string;
  readonly again: string;
}

const LATER =
  'Leave such rows out with --on-conflict skip, overwrite the later change with force, or undo it too with cascade.';

const WORDS: Readonly<
  Record<ConflictReason, (particulars: Particulars) => readonly [message: string, hint: string]>
> = {
  'changed-later': ({ row, by, again, detail }) => [
    `${row} was changed later${by}${detail === '' ? '' : `: ${detail}`}.`,
    `${LATER}${again}`,
  ],
  're-created': ({ row, by, again, detail }) => [
    `${row} was removed, and ${detail === '' ? 'there is one with this key again' : `rows like it came later: ${detail}`}${by}.`,
    `${LATER}${again}`,
  ],
  'unique-taken': ({ row, other, detail, by, again }) => [
    `${row} has a value that has to be unique (${detail}) and that ${other} has now${by}.`,
    `Give the other row another value, leave this one out (--on-conflict skip), or undo the later change too (cascade).${again}`,
  ],
  'parent-missing': ({ row, other, detail, by, again }) => [
    `${row} refers to ${other}, which is not there (${detail})${by}.`,
    `Bring that row back first, leave this one out (--on-conflict skip), or undo the later change too (cascade).${again}`,
  ],
  'child-added': ({ row, other, detail, by, again }) => [
    `${row} would go, and ${other} refers to it (${detail})${by}.`,
    `Remove or change the row that refers to it, leave this one (--on-conflict skip), or undo the later change too (cascade).${again}`,
  ],
  'constraint-violated': ({ row, detail }) => [
    `${row} would be as it was, and the table does not take that any more (${detail}).`,
    'Change the constraint, or leave such rows out: --on-conflict skip.',
  ],
  'rewrite-rule': ({ table, detail }) => [
    `${table} has a rule by which the database would write something else: ${detail}.`,
    'Disable the rule for the time of the undo, or leave the table out with --on-conflict skip.',
  ],
  'row-hidden': ({ row, detail }) => [
    detail === ''
      ? `${row} is not seen: row security may hide it from this role.`
      : `${row} is not seen, or what would go with it is not: row security may hide rows from this role (${detail}).`,
    'Undo as a role that sees all rows: the owner of the table, or one with BYPASSRLS.',
  ],
  'identity-not-full': ({ row, detail }) =>
    detail === UNREADABLE
      ? [
          `${row}: the log does not have all of the row, because a text in it has bytes that stand for no character.`,
          'Put this row right by hand, and undo the rest: --on-conflict skip.',
        ]
      : [
          `${row}: the log does not have the old row, because the table had no full identity then.`,
          'It cannot be undone from the log. For the future run `tidings doctor`; it prints the statement.',
        ],
  truncated: ({ row }) => [
    `${capital(row)} was truncated, and the log does not have all the rows it held.`,
    '`--on-conflict skip` and `force` put those back that the log has; the others are only in a backup.',
  ],
  'partition-changed': ({ table }) => [
    `Rows of ${table} came or went with a partition.`,
    'Undo the rest: --on-conflict skip.',
  ],
  'column-dropped': ({ table, detail }) => [
    `${table} has lost or newly made column ${detail} since; its values cannot go back.`,
    'Add the column again, or undo without it: --on-conflict force.',
  ],
  'column-retyped': ({ row, detail }) => [
    `${row} has a value of another type, or of one that may be another, in column ${detail}.`,
    'Leave such rows out with --on-conflict skip. force carries values over where that is certain, and nothing else.',
  ],
  'partition-missing': ({ row, table, sql, detail }) => [
    `${row} belongs to no partition that ${table} has now${detail === '' ? '' : ` (${detail})`}.`,
    `Leave such rows out with --on-conflict skip, or make a partition for them first: CREATE TABLE … PARTITION OF ${sql} FOR VALUES …; (or DEFAULT).`,
  ],
  'table-missing': ({ table, detail }) => [
    `${table} is not there any more${detail === '' ? '' : `: ${detail}`}.`,
    `Leave its changes out with --on-conflict skip. Its rows are still in the log: \`tidings find --table ${shellWord(table)}\`.`,
  ],
  'table-uncertain': ({ table, detail }) => [
    `${table} may not be what was changed: ${detail}.`,
    'If you know that it is the same one: --on-conflict force. Else leave its changes out with --on-conflict skip.',
  ],
  'table-added': ({ table }) => [
    `${table} was made, or added to what is captured, after that moment: the log cannot tell what it held then.`,
    'Go back to a later moment, or undo the other tables: --on-conflict skip.',
  ],
  'no-privilege': ({ table, detail }) => [
    `The role may not do this to ${table}: ${detail}.`,
    'Undo as a role that may.',
  ],
};

/** Of a partition's rows nothing is known, so it counts as one. */
function describePartition(change: PartitionChange, tableSql: TableSql): UndoConflict {
  const { mark } = change;
  const [message, hint] = partitionConflict(change, tableSql);
  return {
    reason: 'partition-changed',
    table: qualifiedName(mark),
    key: null,
    transaction: null,
    rows: 1,
    message,
    hint,
  };
}

const UNREADABLE = 'unreadable';

function describeLacking(
  lacking: Lacking,
  { view, tableSql }: Pick<DescribeOptions, 'view' | 'tableSql'>,
): UndoConflict[] {
  const { reason, table } = lacking;
  const name = qualifiedName(table);
  return lacking.records.map((record, index): UndoConflict => {
    const { columns, key: places } = record.table;
    const isWhole = reason === 'table-added';
    const texts = isWhole || record.key === null ? [] : keyTexts(record.key, places.length);
    const names = places.map((place) => columns[place]?.name ?? '');
    const row = { ...table, columns: names, key: texts };
    const key = texts.length === 0 ? null : view.key(row, record.table);
    const [message, hint] = WORDS[reason]({
      table: name,
      sql: tableSql(table),
      row:
        reason === 'truncated'
          ? placeInWords(record.table)
          : key === null
            ? `a row of ${name}`
            : `${name} ${keyText(key)}`,
      other: '',
      // A table that said whole old rows has one that is not whole only where a value could not be read.
      detail: record.table.identity === 'full' ? UNREADABLE : '',
      by: '',
      again: '',
      rows: 1,
    });
    // What is not listed one by one counts with the last one.
    const rest = index === lacking.records.length - 1 ? lacking.rows - index : 1;
    return {
      reason,
      table: name,
      key,
      message,
      hint,
      rows: rest,
      transaction: isWhole ? null : toCause(record.transaction),
    };
  });
}

function keyTexts(text: string, columns: number): readonly string[] {
  return columns === 1 ? [text] : (JSON.parse(text) as string[]);
}
