import { Option } from 'commander';
import type { TableQuery, TableView } from '../app/looking/looking.ts';
import { formatMicros } from '../change/time.ts';
import type { Moment } from '../undo/looking/moment.ts';
import { collect, parseTimeOrOffset } from './arguments.ts';
import { BatchedOutput } from './batched-output.ts';
import { type Action, complete, type DeclareCommand, listOption, textOption } from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import type { Io } from './io.ts';
import { csvLine, TableWriter } from './row-output.ts';
import { formatCounted } from './terminal/format.ts';
import { Progress } from './terminal/progress.ts';
import { harmless } from '../util/harmless.ts';

export const declareTable: DeclareCommand = (program, runtime) => {
  const command = program
    .command('table')
    .summary('Show a table as it was')
    .description(
      'Prints the rows that a table had at a moment: its present rows, with every change since then taken back. Nothing is written. A time means what had been committed before it; an offset, what the database held just before that change.',
    )
    .argument('<table>', 'schema.name, or the name alone where only one schema has it')
    .requiredOption(
      '--as-of <moment>',
      'a time, an offset, or how long ago (10m)',
      parseTimeOrOffset,
    )
    .option('--source <name>', 'the source; needed when there are several')
    .option('--key <key>', 'only this row, by its key then; may be repeated', collect)
    .option('--where <expression>', 'only rows that fulfil a condition, with the row as `after`')
    .option('--columns <names>', 'only these columns, separated by commas', splitNames)
    .addOption(
      new Option('--format <name>', 'how rows are printed')
        .choices(['table', 'csv', 'ndjson'])
        .default('table'),
    );
  const examples = [
    ['tidings table accounts --as-of 10m', 'ten minutes ago'],
    ['tidings table accounts --as-of 1204 --key 7', 'a row before the change at an offset'],
    [
      'tidings table accounts --as-of 2026-11-21T13:45:00Z --format csv > accounts.csv',
      'for COPY … CSV HEADER',
    ],
    ["tidings table accounts --as-of 1h --where 'after.balance > 100'", 'a part of it'],
  ] as const;
  const json = 'each row as an object in wire form, one per line; the same as --format ndjson';
  complete(command, runtime, { json, examples }, table);
};

function splitNames(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}

type Format = 'table' | 'csv' | 'ndjson';

const table: Action = async (context, options, [name = '']) => {
  const { io, commands } = context;
  const format = context.json ? 'ndjson' : (options['format'] as Format);
  await using looking = await context.openLooking();
  using progress = new Progress(io.stderr, 'Taking changes back', 'changes');
  const onProgress = (done: number, total: number): void => progress.update(done, total);
  await using view = await looking.table({ ...readQuery(name, options), onProgress }, io.signal);
  const count = await print(io, view, format);
  io.signal.throwIfAborted();
  io.stderr.write(`${view.table} before offset ${view.offset}: ${formatCounted(count, 'row')}\n`);
  for (const note of view.notes) io.stderr.write(`${harmless(commands.in(note))}\n`);
  if (view.leftOut.length > 0) {
    const names = harmless(view.leftOut.join(', '));
    io.stderr.write(`Left out, because the log has no old values of them: ${names}\n`);
  }
  if (format === 'table') {
    const words = ['undo', '--table', view.present, '--to', momentText(options)];
    io.stderr.write(`→ ${commands.of(...words)}\n`);
  }
  return 0;
};

function readQuery(table: string, options: ParsedOptions): TableQuery {
  const source = textOption(options, 'source');
  const where = textOption(options, 'where');
  const keys = listOption(options, 'key');
  const columns = listOption(options, 'columns');
  return {
    table,
    asOf: options['asOf'] as Moment,
    ...(source === undefined ? {} : { source }),
    ...(where === undefined ? {} : { where }),
    ...(keys === undefined ? {} : { keys }),
    ...(columns === undefined ? {} : { columns }),
  };
}

/** The moment as another command takes it; how long ago has become a time. */
function momentText(options: ParsedOptions): string {
  const moment = options['asOf'] as Moment;
  return 'offset' in moment ? String(moment.offset) : formatMicros(moment.time);
}

/** @returns the number of rows. */
async function print(io: Io, view: TableView, format: Format): Promise<number> {
  const output = new BatchedOutput(io.stdout);
  const writer = format === 'table' ? new TableWriter(output, view.columns) : null;
  if (format === 'csv') output.write(csvLine(view.columns.map((column) => column.name)));
  let count = 0;
  for await (const row of view.rows) {
    if (writer !== null) writer.add(row);
    else output.write(format === 'csv' ? csvLine(row) : `${JSON.stringify(view.toJson(row))}\n`);
    count += 1;
    await output.drained();
    if (io.signal.aborted) break;
  }
  writer?.end();
  await output.end();
  return count;
}
