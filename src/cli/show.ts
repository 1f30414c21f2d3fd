import type { Looking, Shown, TransactionReport } from '../app/looking/looking.ts';
import type { Change } from '../change/change.ts';
import { toWire, type WireChange, wireText } from '../change/wire.ts';
import { schemaChangeSinceText } from '../undo/looking/schema-change-text.ts';
import type { SchemaChange } from '../undo/looking/schema-changes.ts';
import type { TableCount } from '../undo/looking/change-counts.ts';
import { BatchedOutput } from './batched-output.ts';
import { changeLine, OPERATION_STYLES, rowText, valueOf, valueText } from './change-line.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  printJson,
  textOption,
} from './command.ts';
import type { Io } from './io.ts';
import { PassedOver } from './passed-over.ts';
import { formatCount, formatCounted } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';
import { renderTable } from './terminal/table.ts';
import { contextText, isBookkeeping, toolText } from './transaction-text.ts';

/** Changes of a transaction that are shown unless all are asked for. */
const SAMPLE = 10;

export const declareShow: DeclareCommand = (program, runtime) => {
  const command = program
    .command('show')
    .summary('Show a transaction or a change')
    .description(
      'Shows one transaction with its tables, counts and first changes, or one change in full. TARGET is a transaction (7712), a change id (main:00000000016B3748:0), or an offset (1204; @1204 where a transaction has that number).',
    )
    .argument('<target>', 'transaction, change id or offset')
    .option('--source <name>', 'the source; needed when there are several')
    .option('--all', 'every change of the transaction');
  const examples = [
    ['tidings show 7712', 'a transaction, as `tidings find` lists it'],
    ['tidings show 7712 --all', 'with all its changes'],
    ['tidings show @1204', 'the change at an offset, column by column'],
    ['tidings show 7712 --all --json', 'CloudEvents, one per line'],
  ] as const;
  const json = 'a ShownTransaction, or the change as CloudEvents; with --all one change per line';
  complete(command, runtime, { json, examples }, show);
};

/** What `tidings show TRANSACTION --json` prints. */
export interface ShownTransaction {
  readonly transaction: TransactionReport;
  /** Older transactions with the same number: the database uses numbers again. */
  readonly older: readonly TransactionReport[];
  /**
   * The offsets that were kept aside for deliveries, when the log does not have it any more; then
   * what follows is of these alone. Else null.
   */
  readonly kept: readonly number[] | null;
  /** What it did, by table. */
  readonly tables: readonly TableCount[];
  /** What has become of the columns of these tables since, as far as the log knows. */
  readonly schemaChanges: readonly SchemaChange[];
  /** Its first changes. */
  readonly sample: readonly WireChange[];
}

type Transaction = Exclude<Shown, { readonly change: Change }>;
type ShownChange = Extract<Shown, { readonly change: Change }>;

const show: Action = async (context, options, [target = '']) => {
  const { io } = context;
  await using looking: Looking = await context.openLooking();
  const source = textOption(options, 'source');
  const passedOver = new PassedOver(context);
  const query = {
    target,
    ...(source === undefined ? {} : { source }),
    onPassedOver: passedOver.tell,
  };
  const shown = await looking.show(query, io.signal);
  if ('change' in shown) showChange(context, shown);
  else if (options['all'] === true) await showAll(context, shown, passedOver);
  else await showTransaction(context, shown);
  io.signal.throwIfAborted();
  return 0;
};

async function showTransaction(
  { io, json, commands }: CommandContext,
  shown: Transaction,
): Promise<void> {
  const { transaction, older, kept } = shown;
  const tables = await shown.counts();
  const schemaChanges = await shown.schemaChanges();
  const sample: Change[] = [];
  for await (const change of shown.changes()) {
    sample.push(change);
    if (sample.length >= SAMPLE) break;
  }
  if (json) {
    const document: ShownTransaction = {
      transaction,
      older,
      kept,
      tables,
      schemaChanges,
      sample: sample.map(toWire),
    };
    printJson(io, document);
    return;
  }
  io.stdout.write(headText(io, shown));
  const right = (title: string) => ({ title, align: 'right' }) as const;
  io.stdout.write(
    `\n${renderTable(
      [
        { title: 'TABLE', cut: true },
        right('INSERT'),
        right('UPDATE'),
        right('DELETE'),
        right('TRUNCATE'),
      ],
      tables.map((count) => [
        `${harmless(count.table)}${toolText(count)}`,
        ...[count.insert, count.update, count.delete, count.truncate].map(formatCount),
      ]),
      io.stdout,
    )}\n`,
  );
  for (const change of sample) io.stdout.write(`${changeLine(change, io.stdout)}\n`);
  for (const change of schemaChanges) io.stdout.write(sinceText(change));
  const { id, changes } = transaction;
  const more = (kept?.length ?? changes) - sample.length;
  if (more > 0) io.stderr.write(`${formatCount(more)} more: ${commands.of('show', id, '--all')}\n`);
  // What is kept of it is too little for an undo.
  if (kept !== null || tables.every(isBookkeeping)) return;
  io.stderr.write(`→ ${commands.of('undo', '--transaction', id)}\n`);
}

async function showAll(
  { io, json }: CommandContext,
  shown: Transaction,
  passedOver: PassedOver,
): Promise<void> {
  const output = new BatchedOutput(io.stdout);
  if (!json) output.write(`${headText(io, shown)}\n`);
  for await (const change of shown.changes()) {
    if (json) passedOver.writeJson(change, (text) => output.write(text));
    else output.write(`${changeLine(change, output)}\n`);
    await output.drained();
  }
  if (!json) for (const change of await shown.schemaChanges()) output.write(sinceText(change));
  await output.end();
}

function headText(io: Io, { transaction, older, kept }: Transaction): string {
  const paint = painter(io.stdout);
  const { source, id, position, committedAt, context, first, last, changes } = transaction;
  const lines = [
    `${paint('bold', `Transaction ${id}`)} of source ${source}, committed ${committedAt}`,
    `${formatCounted(changes, 'change')}, offsets ${first} to ${last}, position ${position}`,
    contextText(context),
    ...(kept === null ? [] : [keptText(kept.length)]),
    ...older.map(
      (each) => `An older one has the same number: ${source}:${each.position}, ${each.committedAt}`,
    ),
  ];
  return lines.flatMap((line) => (line === '' ? [] : [`${line}\n`])).join('');
}

function sinceText(change: SchemaChange): string {
  return `${harmless(schemaChangeSinceText(change))}\n`;
}

/** What is left of a transaction. */
function keptText(count: number): string {
  return `Retention has removed it; ${formatCounted(count, 'change')} of it ${count === 1 ? 'is' : 'are'} kept aside for deliveries.`;
}

function showChange(
  { io, json, commands }: CommandContext,
  { change, isAside, schemaChange }: ShownChange,
): void {
  if (json) {
    io.stdout.write(wireText(change));
    io.stdout.write('\n');
    return;
  }
  const paint = painter(io.stdout);
  const { operation, schema, table, key, transaction, offset, id } = change;
  const row = key === null ? '' : ` ${rowText(key)}`;
  const what = paint(OPERATION_STYLES[operation], operation);
  const context = contextText(transaction.context);
  io.stdout.write(
    `${what} ${paint('bold', harmless(`${schema}.${table}`))}${row}\n` +
      `change ${id}, offset ${offset}\n` +
      `transaction ${transaction.id}, committed ${transaction.committedAt}` +
      `${context === '' ? '' : `, ${context}`}\n`,
  );
  const rows = valueRows(io, change);
  if (rows.length > 0) {
    const titles = [{ title: 'COLUMN' }, { title: 'BEFORE' }, { title: 'AFTER' }];
    io.stdout.write(`\n${renderTable(titles, rows, io.stdout)}`);
  }
  if (schemaChange !== null) io.stdout.write(sinceText(schemaChange));
  if (isAside) io.stderr.write('Retention has removed it; it is kept aside for a delivery.\n');
  io.stderr.write(`→ ${commands.of('show', transaction.id)}\n`);
  if (key !== null) io.stderr.write(`→ ${commands.of(...historyWords(change))}\n`);
}

/** A line per column; what an update changed stands out. */
function valueRows(io: Io, { operation, before, after, changed }: Change): string[][] {
  const paint = painter(io.stdout);
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...names].map((name) => {
    const old =
      before === null ? (operation === 'insert' ? '' : '?') : valueText(valueOf(before, name));
    const now = after === null ? '' : valueText(valueOf(after, name));
    const isChanged = changed?.includes(name) === true;
    return isChanged
      ? [`${harmless(name)} *`, paint('red', old), paint('green', now)]
      : [harmless(name), old, now];
  });
}

/** The command that shows the row's history. */
function historyWords({ schema, table, key }: Change): readonly string[] {
  const entries = Object.entries(key ?? {});
  const text = (value: unknown): string =>
    typeof value === 'string' ? value : JSON.stringify(value);
  const [only] = entries;
  const key_ =
    entries.length === 1 && only !== undefined
      ? text(only[1])
      : entries.map(([name, value]) => `${name}=${text(value)}`).join(',');
  return ['history', `${schema}.${table}`, key_].map(harmless);
}
