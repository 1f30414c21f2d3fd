import { resolve } from 'node:path';
import type { RowTypes } from '../app/row-types/row-types-text.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { collect } from './arguments.ts';
import { type CommandLines, optionWords, type ParsedOptions } from './command-line.ts';
import {
  type Action,
  complete,
  type DeclareCommand,
  listOption,
  printJson,
  textOption,
} from './command.ts';
import { formatCounted } from './terminal/format.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';
import { checkTypesFile, requireReplaceable, writeTypesFile } from './types/types-file.ts';

export const declareTypes: DeclareCommand = (program, runtime) => {
  const command = program
    .command('types')
    .summary('Write row types for TypeScript')
    .description(
      'Reads the columns of tables from the database, and writes an interface for the rows of each, as handlers get them. With the file in a program, `register` knows the rows of these tables. It reads the catalogue only, which every role may.',
    )
    .option('--source <name>', 'the source; needed when there are several')
    .option(
      '--table <pattern>',
      'a table, or a pattern of tables; may be given several times. Without it the tables that the subscriptions of the configuration name; without subscriptions all that are captured',
      collect,
    )
    .option('--out <file>', 'a file (.ts, .mts, .cts) instead of standard output')
    .option(
      '--no-declare',
      'leave `register` as it is: for another source that has tables of the same names',
    )
    .option('--check', 'write nothing; end with 1 when the file is not what would be written')
    .option('--force', 'replace a file that this command did not make');
  const examples = [
    ['tidings types --out src/tables.ts', 'the tables of the subscriptions'],
    ["tidings types --table 'shop.*' --table '!shop.audit' --out src/shop.ts", 'others'],
    ['tidings types --out src/tables.ts --check', 'in CI: is the file up to date?'],
  ] as const;
  const json = '{"file", "tables": [{"table", "type"}], "text"}';
  complete(command, runtime, { json, examples }, types);
};

const types: Action = async (context, options) => {
  const { io, json } = context;
  const file = readFileOption(options);
  const check = options['check'] === true;
  const path = file === undefined ? null : resolve(io.cwd, file);
  if (path !== null && !check) {
    requireReplaceable(path, { shown: file ?? '', force: options['force'] === true });
  }
  const { source, rowTypes } = await describe(context, options);
  if (path === null) {
    if (!json) io.stdout.write(rowTypes.text);
  } else {
    const named = { path, shown: file ?? '' };
    if (check)
      checkTypesFile(named, rowTypes.text, {
        source,
        command: (force) => anew(options, context.commands, force),
      });
    const written = !check && writeTypesFile(named, rowTypes.text);
    if (!json) io.stderr.write(told(file ?? '', rowTypes, written));
  }
  if (json) printJson(io, { file: path, ...rowTypes });
  return 0;
};

/** @throws TidingsError `USAGE` */
function readFileOption(options: ParsedOptions): string | undefined {
  const file = textOption(options, 'out');
  if (file === undefined && options['check'] === true) {
    throw new TidingsError('USAGE', {
      problem: '--check needs --out FILE to look at.',
      command: 'tidings types',
    });
  }
  if (file !== undefined && !/\.[cm]?ts$/.test(file)) {
    const problem = `--out ${file} names no TypeScript file (.ts, .mts, .cts).`;
    throw new TidingsError('USAGE', { problem, command: 'tidings types' });
  }
  return file;
}

async function describe(
  context: Parameters<Action>[0],
  options: ParsedOptions,
): Promise<{ readonly source: string; readonly rowTypes: RowTypes }> {
  const { io } = context;
  const tables = listOption(options, 'table');
  const only = textOption(options, 'source');
  await using inspection = await context.openInspection();
  const described = await inspection.describe(
    {
      ...(only === undefined ? {} : { source: only }),
      ...(tables === undefined ? {} : { tables }),
    },
    io.signal,
  );
  const paint = painter(io.stderr);
  for (const message of described.unmet) {
    io.stderr.write(`${paint('yellow', 'warning:')} ${harmless(context.commands.in(message))}\n`);
  }
  const { rowTypesText } = await import('../app/row-types/row-types-text.ts');
  // Without the way in which npm was called: who runs it next may call it in another.
  const command = context.commands.plain(...words(options));
  return {
    source: described.source,
    rowTypes: rowTypesText(described.tables, { command, declared: options['declare'] !== false }),
  };
}

/** The command as it was given, `--check` and `--force` aside. */
function words(options: ParsedOptions): readonly string[] {
  const declare = options['declare'] === false ? ['--no-declare'] : [];
  return ['types', ...optionWords(options, { table: '--table', out: '--out' }), ...declare];
}

/** The command that makes a file right. */
function anew(options: ParsedOptions, commands: CommandLines, force: boolean): string {
  return commands.of(...words(options), ...(force ? ['--force'] : []));
}

function told(file: string, { tables }: RowTypes, written: boolean): string {
  const of = `the row types of ${formatCounted(tables.length, 'table')}`;
  return written ? `Wrote ${of} to ${file}.\n` : `${file} has ${of} as they are.\n`;
}
