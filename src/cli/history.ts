import type { RowHistory } from '../app/looking/looking.ts';
import type { Change } from '../change/change.ts';
import { parseLimit } from './arguments.ts';
import { OPERATION_STYLES, rowText, valueOf, valueText } from './change-line.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  textOption,
} from './command.ts';
import type { Io } from './io.ts';
import { PassedOver } from './passed-over.ts';
import { schemaChangeLine } from './schema-change-text.ts';
import { formatTime } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';
import { contextText, lookAndUndo } from './transaction-text.ts';

export const declareHistory: DeclareCommand = (program, runtime) => {
  const command = program
    .command('history')
    .summary('Show every version of a row')
    .description(
      'Prints all that happened to a row, oldest first: when, in which transaction, who (where the application says so), and what each column was before and after. Follows the row through changes of its key.',
    )
    .argument('<table>', 'schema.name, or the name alone where only one schema has it')
    .argument('<key>', '7, id=7, or a=1,b=2')
    .option('--source <name>', 'the source; needed when there are several')
    .option('--limit <count>', 'only the newest so many versions', parseLimit);
  const examples = [
    ['tidings history public.accounts 7', 'every version of a row'],
    ['tidings history order_lines order_id=12,line=3', 'a key of two columns'],
    ['tidings history accounts 7 --json | jq .data.changed', 'CloudEvents, one per line'],
  ] as const;
  const json = 'each version as a CloudEvents 1.0 document (docs/reference/wire-format.md)';
  complete(command, runtime, { json, examples }, history);
};

const history: Action = async (context, options, [table = '', key = '']) => {
  const { io, json } = context;
  await using looking = await context.openLooking();
  const source = textOption(options, 'source');
  const limit = options['limit'] as number | undefined;
  const passedOver = new PassedOver(context);
  const found = await looking.history(
    {
      table,
      key,
      ...(source === undefined ? {} : { source }),
      ...(limit === undefined ? {} : { limit }),
      onPassedOver: passedOver.tell,
    },
    io.signal,
  );
  let first: Change | undefined;
  let last: Change | undefined;
  const altered = schemaChangesBetween(found, io, json);
  for await (const change of found.versions) {
    altered.before(change);
    if (json) passedOver.writeJson(change, (text) => io.stdout.write(text));
    else io.stdout.write(versionText(change, io));
    first ??= change;
    last = change;
    await io.stdout.drained();
  }
  io.signal.throwIfAborted();
  altered.end();
  // With a version that is passed over there is something before the first that is shown.
  if (first !== undefined || passedOver.count === 0) tellKnowledge(context, found, first, limit);
  if (!json && last !== undefined) {
    io.stderr.write(lookAndUndo(last.transaction.id, context.commands));
  }
  return 0;
};

/** Says where the table was altered, between the versions of the row and after the last one. */
function schemaChangesBetween(
  { schemaChanges }: RowHistory,
  io: Io,
  json: boolean,
): { before(change: Change): void; end(): void } {
  // Standard output has nothing but the versions then.
  const output = json ? io.stderr : io.stdout;
  let left = [...schemaChanges];
  let begun = false;
  const tell = (to: number): void => {
    const passed = left.filter(({ offset }) => (offset ?? 0) <= to);
    left = left.slice(passed.length);
    if (!begun) return;
    for (const change of passed) output.write(`${schemaChangeLine(change, output)}\n`);
  };
  return {
    before({ offset }) {
      tell(offset);
      begun = true;
    },
    end: () => tell(Infinity),
  };
}

/** One version: a heading, and a line for each column that it says something about. */
function versionText(change: Change, io: Io): string {
  const paint = painter(io.stdout);
  const { operation, offset, key, transaction } = change;
  const heading = [
    paint('dim', formatTime(transaction.committedAt)),
    paint(OPERATION_STYLES[operation], operation),
    key === null ? '' : paint('bold', rowText(key)),
    `transaction ${transaction.id}`,
    paint('dim', `offset ${offset}`),
    contextText(transaction.context),
  ];
  return [heading.filter((part) => part !== '').join('  '), ...columnLines(change)]
    .map((line) => `${line}\n`)
    .join('');
}

function columnLines({ operation, before, after, changed }: Change): readonly string[] {
  if (operation === 'delete') return before === null ? [] : [`    was  ${rowText(before)}`];
  if (after === null) return [];
  if (operation === 'insert') return [`    is   ${rowText(after)}`];
  if (changed === null) return [`    is   ${rowText(after)}`, '    (what it was is not known)'];
  if (changed.length === 0) return ['    (nothing changed)'];
  return changed.map(
    (name) =>
      `    ${harmless(name)}: ${valueText(valueOf(before, name))} → ${valueText(valueOf(after, name))}`,
  );
}

/** How far back the log goes, where that limits what was shown. */
function tellKnowledge(
  { io, commands }: CommandContext,
  { table, begins, gaps, notes }: RowHistory,
  first: Change | undefined,
  limit: number | undefined,
): void {
  const since = begins.at === null ? '' : ` at ${begins.at}`;
  if (first === undefined) {
    io.stderr.write(
      `The log has no change of this row of ${table}; it begins${since} with offset ${begins.offset}.\n`,
    );
  } else if (first.operation !== 'insert' && limit === undefined) {
    io.stderr.write(
      `Older versions are not known: the log begins${since} with offset ${begins.offset}.\n`,
    );
  }
  for (const note of notes) io.stderr.write(`${harmless(commands.in(note))}\n`);
  for (const { offset, reason } of gaps) {
    io.stderr.write(`Changes before offset ${offset} were lost: ${harmless(reason)}\n`);
  }
}
