import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { once } from 'node:events';
import type { Change } from '../change/change.ts';
import type { StartAt } from '../config/start-at.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { collect, parseOffset, parsePlace } from './arguments.ts';
import {
  type Action,
  type CommandContext,
  complete,
  type DeclareCommand,
  listOption,
  printJson,
  textOption,
} from './command.ts';
import type { Io, Output } from './io.ts';
import { PassedOver } from './passed-over.ts';
import { formatCounted } from './terminal/format.ts';
import { Progress } from './terminal/progress.ts';

export const declareLogExport: DeclareCommand = (log, runtime) => {
  const command = log
    .command('export')
    .summary('Copy changes to a file')
    .description(
      'Writes the changes of the log as CloudEvents, one JSON document per line (NDJSON), to standard output or a file. Works while the service runs.',
    )
    .option(
      '--from <place>',
      'floor, head, an offset, a time, or how long ago (10m)',
      parsePlace,
      'floor',
    )
    .option('--to <offset>', 'stop before this offset; without it at the head', parseOffset)
    .option('--source <name>', 'the source; needed when there are several')
    .option('--table <pattern>', 'only these tables; may be given several times', collect)
    .option('--output <file>', 'a file instead of standard output')
    .option('--force', 'replace a file that is there');
  const examples = [
    ['tidings log export --output changes.ndjson', 'everything, to a file'],
    ['tidings log export --from 1d | gzip > day.ndjson.gz', 'the last day'],
    ['tidings log export --table public.accounts --to 5000', 'part of it'],
  ] as const;
  const json = 'with --output: {"file", "changes"} at the end; the changes are NDJSON anyway';
  complete(command, runtime, { json, examples }, exportLog);
};

const exportLog: Action = async (context, options) => {
  const { io, json } = context;
  await using inspection = await context.openInspection();
  const file = textOption(options, 'output');
  const source = textOption(options, 'source');
  const tables = listOption(options, 'table');
  const to = options['to'] as number | undefined;
  const passedOver = new PassedOver(context);
  const changes = inspection.changes(
    {
      from: options['from'] as StartAt,
      follow: false,
      onPassedOver: passedOver.tell,
      ...(source === undefined ? {} : { source }),
      ...(tables === undefined ? {} : { tables }),
      ...(to === undefined ? {} : { to }),
    },
    io.signal,
  );
  // Not a line of its own kind among the changes: whoever reads them expects nothing else.
  const marks = await inspection.marks(source === undefined ? {} : { source });
  const turns = marks.filter(({ kind }) => kind !== 'present').length;
  if (file === undefined) {
    await writeAll({ changes, passedOver }, io, {
      write: (text) => io.stdout.write(text),
      drained: () => io.stdout.drained(),
    });
    io.stderr.write(marksText(turns, context));
    return passedOver.count === 0 ? 0 : 1;
  }
  const replace = options['force'] === true;
  const count = await writeFile({ changes, passedOver }, io, {
    path: resolve(io.cwd, file),
    replace,
  });
  if (json) printJson(io, { file, changes: count });
  else {
    io.stderr.write(
      `Wrote ${formatCounted(count, 'change')} to ${file}.\n${marksText(turns, context)}`,
    );
  }
  return passedOver.count === 0 ? 0 : 1;
};

/** What is exported, and who is told of what cannot be. */
interface Exported {
  readonly changes: AsyncIterable<Change>;
  readonly passedOver: PassedOver;
}

/** Changes alone do not lead over what was done to partitions. */
function marksText(count: number, { commands }: CommandContext): string {
  if (count === 0) return '';
  return `The log has ${formatCounted(count, 'mark')} where rows came or went with a partition, without a change: \`${commands.of('log', 'verify')}\` lists what happened.\n`;
}

async function writeFile(
  exported: Exported,
  io: Io,
  { path, replace }: { readonly path: string; readonly replace: boolean },
): Promise<number> {
  const stream = createWriteStream(path, { flags: replace ? 'w' : 'wx' });
  try {
    await once(stream, 'open');
    const count = await writeAll(exported, io, {
      write: (text) => void stream.write(text),
      async drained() {
        if (stream.writableNeedDrain) await once(stream, 'drain');
      },
    });
    stream.end();
    await once(stream, 'close');
    return count;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new TidingsError('FILE_EXISTS', { path }, { cause: error });
  } finally {
    stream.destroy();
  }
}

async function writeAll(
  { changes, passedOver }: Exported,
  io: Io,
  output: Pick<Output, 'write' | 'drained'>,
): Promise<number> {
  using progress = new Progress(io.stderr, 'Exporting', 'changes');
  let count = 0;
  for await (const change of changes) {
    if (passedOver.writeJson(change, (text) => output.write(text))) count += 1;
    await output.drained();
    progress.update(count, null);
  }
  // A part is not what was asked for: the exit code has to say so.
  io.signal.throwIfAborted();
  return count;
}
