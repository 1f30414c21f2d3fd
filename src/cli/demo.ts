import { resolve } from 'node:path';
import { type CommandContext, complete, type DeclareCommand, textOption } from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import { DEFAULT_DEMO_DIRECTORY } from './demo/directory-name.ts';
import type { DemoReport } from './demo/report.ts';

const DIRECTORY_OPTION = '--data-dir <path>';
const DIRECTORY_HELP = `where the demo keeps its database and mail servers; default: ${DEFAULT_DEMO_DIRECTORY}`;

/** `tidings demo` and `tidings demo sql`. */
export const declareDemo: DeclareCommand = (program, runtime) => {
  const demo = program
    .command('demo')
    .summary('Show the whole thing at work')
    .description(
      'Shows the whole thing at work, on a PostgreSQL of its own: a front end writes accounts, two mail servers and a webhook are told, one of them crashes and comes back, and another answers with errors for a while.',
    )
    .option('--keep', 'stay up afterwards, to play with, until Ctrl-C')
    .option(DIRECTORY_OPTION, `${DIRECTORY_HELP}, removed in the end`);
  complete(
    demo,
    runtime,
    {
      config: false,
      flags: [],
      json: 'one object per line: stage, note, waiting, writes, told, summary, staysUp, stopped',
      examples: [
        ['tidings demo', 'about ten seconds, and nothing is left'],
        ['tidings demo --keep', 'then write rows yourself'],
      ],
    },
    demonstrate,
  );
  const sql = demo
    .command('sql <statement>')
    .summary('Run SQL in a demo that stays up')
    .description('Runs a statement in the database of a demo that stays up, and prints its rows.')
    .option(DIRECTORY_OPTION, DIRECTORY_HELP);
  complete(
    sql,
    runtime,
    {
      config: false,
      flags: [],
      json: 'a line per row, {"type":"row","row":{…}}, then {"type":"result","command":…,"rowCount":…}',
      examples: [
        ['tidings demo sql "select * from mail_users"', 'the accounts'],
        ['tidings demo sql "delete from mail_users"', 'every mail server is told'],
      ],
    },
    (context, own, [statement = '']) => {
      // An option that both have is taken by the outer one, wherever it stands.
      const options: ParsedOptions = { ...demo.opts<ParsedOptions>(), ...own };
      return runSql({ ...context, json: options['json'] === true }, options, statement);
    },
  );
};

async function demonstrate(context: CommandContext, options: ParsedOptions): Promise<number> {
  const { io } = context;
  const { DemoDirectory } = await import('./demo/demo-directory.ts');
  const { runDemo } = await import('./demo/run-demo.ts');
  const { whileWaiting } = await import('./demo/report.ts');
  const keep = options['keep'] === true;
  const report = await makeReport(context);
  using directory = DemoDirectory.open(directoryOf(context, options));
  await whileWaiting(report, 'What an earlier demo left is removed', directory.clear());
  try {
    const { complete } = await runDemo({ directory, keep, report, signal: io.signal });
    if (keep) report.stopped(directory.path);
    else report.next();
    return complete ? 0 : 1;
  } finally {
    // Somebody who named the directory, or stayed, may want to look into it.
    if (!keep && options['dataDir'] === undefined) await directory.remove();
  }
}

async function makeReport(context: CommandContext): Promise<DemoReport> {
  const { io, json } = context;
  if (json) {
    const { JsonReport } = await import('./demo/json-report.ts');
    return new JsonReport((text) => io.stdout.write(text));
  }
  const { TerminalReport } = await import('./demo/terminal-report.ts');
  return new TerminalReport(context);
}

async function runSql(
  context: CommandContext,
  options: ParsedOptions,
  statement: string,
): Promise<number> {
  const { io, json } = context;
  const { runningDemoUrl } = await import('./demo/demo-directory.ts');
  const { runStatement } = await import('./demo/statement.ts');
  const { formatResults, formatResultsAsJson } = await import('./demo/statement-output.ts');
  const directory = directoryOf(context, options);
  const results = await runStatement(runningDemoUrl(directory), directory, statement);
  io.stdout.write(json ? formatResultsAsJson(results) : formatResults(results, io.stdout));
  return 0;
}

function directoryOf({ io }: CommandContext, options: ParsedOptions): string {
  return resolve(io.cwd, textOption(options, 'dataDir') ?? DEFAULT_DEMO_DIRECTORY);
}
