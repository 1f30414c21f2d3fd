import type { StartAt } from '../option/start-at.ts';
import type { TidingsError } from '../errors/tidings-error.ts';
import { collect, parseLimit, parsePlace } from './arguments.ts';
import { changeLine } from './change-line.ts';
import { type Action, complete, type DeclareCommand, listOption, textOption } from './command.ts';
import type { Io } from './io.ts';
import { PassedOver } from './passed-over.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';

export const declareTail: DeclareCommand = (program, runtime) => {
  const command = program
    .command('tail')
    .summary('Show changes as they come')
    .description(
      'Prints the changes of the log, one per line, and waits for more until Ctrl-C. It reads the log and not the database: the service has to run for new ones to come.',
    )
    .option(
      '--from <place>',
      'floor, head, an offset, a time, or how long ago (10m)',
      parsePlace,
      'head',
    )
    .option('--source <name>', 'the source; needed when there are several')
    .option('--table <pattern>', 'only these tables; may be given several times', collect)
    .option('--limit <count>', 'stop after so many changes', parseLimit)
    .option('--no-follow', 'stop at the head instead of waiting');
  const examples = [
    ['tidings tail', 'what happens from now on'],
    ['tidings tail --from floor --no-follow', 'all there is'],
    ["tidings tail --from 10m --table 'public.account*'", 'the last ten minutes of some tables'],
    ['tidings tail --json | jq .data.after', 'CloudEvents, one per line'],
  ] as const;
  const json = 'each change as a CloudEvents 1.0 document (docs/reference/wire-format.md)';
  complete(command, runtime, { json, examples }, tail);
};

function warn({ stderr }: Pick<Io, 'stderr'>, { message }: TidingsError): void {
  stderr.write(`${painter(stderr)('yellow', 'warning:')} ${harmless(message)}\n`);
}

const tail: Action = async (context, options) => {
  const { io, json } = context;
  await using inspection = await context.openInspection();
  const passedOver = new PassedOver(context);
  const source = textOption(options, 'source');
  const tables = listOption(options, 'table');
  const limit = options['limit'] as number | undefined;
  const follow = options['follow'] !== false;
  const query = {
    from: options['from'] as StartAt,
    follow,
    // Who waits may wait for a table's first change.
    ...(follow ? { onNotLogged: (error: TidingsError) => warn(io, error) } : {}),
    onPassedOver: passedOver.tell,
    ...(source === undefined ? {} : { source }),
    ...(tables === undefined ? {} : { tables }),
    ...(limit === undefined ? {} : { limit }),
  };
  try {
    for await (const change of inspection.changes(query, io.signal)) {
      if (json) passedOver.writeJson(change, (text) => io.stdout.write(text));
      else io.stdout.write(`${changeLine(change, io.stdout)}\n`);
      await io.stdout.drained();
    }
  } catch (error) {
    // Ctrl-C is how one leaves: nothing went wrong.
    if (!io.signal.aborted) throw error;
  }
  return 0;
};
