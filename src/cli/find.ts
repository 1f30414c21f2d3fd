import type { FindQuery, FoundReport, Search } from '../app/looking/looking.ts';
import type { Moment } from '../undo/looking/moment.ts';
import { collect, parseLimit, parseTimeOrOffset } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  listOption,
  printJson,
  textOption,
} from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import type { Output } from './io.ts';
import { schemaChangeLine } from './schema-change-text.ts';
import { harmless } from '../util/harmless.ts';
import { formatCount, formatCounted } from './terminal/format.ts';
import { Progress } from './terminal/progress.ts';
import { isBookkeeping, lookAndUndo, transactionLine } from './transaction-text.ts';
import { parseOperation } from './undo/options.ts';

const DEFAULT_LIMIT = 20;

/** From here on reading everything takes long enough to be told. */
const MANY = 200_000;

export const declareFind: DeclareCommand = (program, runtime) => {
  const command = program
    .command('find')
    .summary('Find transactions in the log')
    .description(
      'Lists transactions with changes that match, newest first, with the number of those changes by table. All conditions have to be true of a change. By table, row, time, size and context an index answers; by value or expression the log is read.',
    )
    .option('--source <name>', 'the source; needed when there are several')
    .option(
      '--table <pattern>',
      'a table, or a pattern of tables; may be given several times',
      collect,
    )
    .option(
      '--operation <name>',
      'insert, update, delete or truncate; may be repeated',
      parseOperation,
    )
    .option('--key <key>', 'one row of the table: 7, id=7, or a=1,b=2')
    .option('--since <moment>', 'from a time, offset, or how long ago (10m)', parseTimeOrOffset)
    .option('--until <moment>', 'before a time, offset, or how long ago', parseTimeOrOffset)
    .option(
      '--before <column=value>',
      'what a column held before the change; may be repeated',
      collect,
    )
    .option(
      '--after <column=value>',
      'what a column held after the change; may be repeated',
      collect,
    )
    .option('--where <expression>', 'a condition as in subscriptions (docs/guide/filters.md)')
    .option(
      '--min-rows <count>',
      'only transactions with at least so many such changes',
      parseLimit,
    )
    .option('--actor <name>', 'only transactions whose context names this actor')
    .option('--context <path=value>', 'any other member of the context; may be repeated', collect)
    .option('--limit <count>', 'so many transactions at most', parseLimit, DEFAULT_LIMIT);
  const examples = [
    ['tidings find --min-rows 100', 'the large ones: a DELETE without its WHERE'],
    [
      'tidings find --table accounts --operation delete --since 1h',
      'what was deleted in the last hour',
    ],
    ['tidings find --table accounts --key 7', 'what changed a row'],
    ["tidings find --before 'email=ann@example.com'", 'where a value went'],
    ["tidings find --where 'after.balance < 0' --actor import", 'a condition, and who'],
  ] as const;
  const json = 'each transaction as a FoundReport, one per line';
  complete(command, runtime, { json, examples }, find);
};

const find: Action = async (context, options) => {
  const { io, json, commands } = context;
  await using looking = await context.openLooking();
  using progress = new Progress(io.stderr, 'Searching', 'changes');
  const onProgress = (done: number, total: number): void => progress.update(done, total);
  const search = await looking.find({ ...readQuery(options), onProgress }, io.signal);
  const { range } = search;
  if (search.plan === 'everything' && range.to - range.from > MANY) {
    io.stderr.write(
      `No index covers this search: it reads all ${formatCount(range.to - range.from)} changes of the range, newest first.\n`,
    );
  }
  let first: FoundReport | undefined;
  let count = 0;
  for await (const report of search.found) {
    if (json) printJson(io, report);
    else io.stdout.write(reportText(report, io.stdout));
    // The newest one that has something to undo, else the newest one.
    if (first === undefined || (isBookkeepingAlone(first) && !isBookkeepingAlone(report)))
      first = report;
    count += 1;
    await io.stdout.drained();
  }
  io.signal.throwIfAborted();
  tellEnd(context, search, { count, limit: options['limit'] as number });
  if (!json && first !== undefined) {
    io.stderr.write(lookAndUndo(first.transaction.id, commands, first.tables));
  }
  return 0;
};

/** A line, below those that say where its tables were altered since. */
function reportText({ transaction, tables, schemaChanges }: FoundReport, output: Output): string {
  return [
    ...schemaChanges.map((change) => schemaChangeLine(change, output, { indent: 10 })),
    transactionLine(transaction, tables, output),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function isBookkeepingAlone({ tables }: FoundReport): boolean {
  return tables.every(isBookkeeping);
}

function readQuery(options: ParsedOptions): FindQuery {
  const text = (name: string, member: keyof FindQuery): Partial<FindQuery> => {
    const value = textOption(options, name);
    return value === undefined ? {} : { [member]: value };
  };
  const list = (name: string, member: keyof FindQuery): Partial<FindQuery> => {
    const value = listOption(options, name);
    return value === undefined ? {} : { [member]: value };
  };
  const since = options['since'] as Moment | undefined;
  const until = options['until'] as Moment | undefined;
  const minChanges = options['minRows'] as number | undefined;
  return {
    ...text('source', 'source'),
    ...list('table', 'tables'),
    ...list('operation', 'operations'),
    ...text('key', 'key'),
    ...list('before', 'before'),
    ...list('after', 'after'),
    ...text('where', 'where'),
    ...text('actor', 'actor'),
    ...list('context', 'context'),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(minChanges === undefined ? {} : { minChanges }),
    limit: options['limit'] as number,
  };
}

function tellEnd(
  { io, commands }: CommandContext,
  search: Search,
  { count, limit }: { readonly count: number; readonly limit: number },
): void {
  const { begins, range } = search;
  if (count === 0) {
    const since = begins.at === null ? '' : ` The log begins at ${begins.at}.`;
    io.stderr.write(`No transaction matches in offsets ${range.from} to ${range.to}.${since}\n`);
  } else if (count >= limit) {
    io.stderr.write(`There may be more than ${formatCounted(count, 'transaction')}: --limit.\n`);
  }
  for (const note of search.notes) io.stderr.write(`${harmless(commands.in(note))}\n`);
  const undecided = search.undecided();
  if (undecided > 0) {
    io.stderr.write(
      `${formatCounted(undecided, 'change')} could not be compared: the log does not have the value (REPLICA IDENTITY FULL makes the database report old rows), or the table has no such column.\n`,
    );
  }
}
