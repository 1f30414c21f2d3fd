import { Command, CommanderError } from 'commander';
import { readVersion } from '../app/version.ts';
import { suggest } from '../config/suggest.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { CommandLines } from './command-line.ts';
import type { DeclareCommand, Runtime } from './command.ts';
import { declareCompletion } from './completion.ts';
import { declareDeliveries } from './deliveries.ts';
import { declareDemo } from './demo.ts';
import { resolveDocPointers } from './doc-pointers.ts';
import { declareDoctor } from './doctor.ts';
import { declareFind } from './find.ts';
import { declareHealth } from './health.ts';
import { declareHistory } from './history.ts';
import { declareInit } from './init.ts';
import type { Io } from './io.ts';
import { declareListen } from './listen.ts';
import { declareLog } from './log.ts';
import { EXIT_INTERRUPTED } from './process-io.ts';
import { renderError } from './render-error.ts';
import { SERVICES, type Services } from './services.ts';
import { declareShow } from './show.ts';
import { declareStart } from './start.ts';
import { declareStatus } from './status.ts';
import { declareSubscriptions } from './subscriptions.ts';
import { declareTail } from './tail.ts';
import { declareTable } from './table.ts';
import { declareTriggerTest } from './trigger-test.ts';
import { declareTypes } from './types.ts';
import { declareUndo } from './undo.ts';
import { declareUninstall } from './uninstall.ts';

const COMMANDS: readonly DeclareCommand[] = [
  declareInit,
  declareDoctor,
  declareStart,
  declareStatus,
  declareHealth,
  declareTail,
  declareTypes,
  declareSubscriptions,
  declareDeliveries,
  declareTriggerTest,
  declareListen,
  declareFind,
  declareShow,
  declareHistory,
  declareTable,
  declareUndo,
  declareLog,
  declareDemo,
  declareUninstall,
  declareCompletion,
];

const DESCRIPTION =
  'Keeps one durable log of every row change in your databases, and tells everyone who should know.';

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 refused or conflict, 64 bad usage or configuration.
Results go to standard output, everything else to standard error.`;

/** The `tidings` program with all its commands; docs/reference/cli.md is made from it. */
export function createProgram(runtime: Runtime): Command {
  const { io } = runtime;
  const program = new Command('tidings');
  const commands = new CommandLines(program, io.env);
  const help = (text: string): string => resolveDocPointers(commands.inHelp(text), io.cwd);
  program
    .description(DESCRIPTION)
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'Show help for a command')
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      subcommandDescription: summaryOf,
    })
    .addHelpText('after', EXIT_CODES)
    .configureOutput({
      writeOut: (text) => io.stdout.write(help(text)),
      writeErr: (text) => io.stderr.write(help(text)),
      getOutHelpWidth: () => io.stdout.columns,
      getErrHelpWidth: () => io.stderr.columns,
      getOutHasColors: () => io.stdout.colour,
      getErrHasColors: () => io.stderr.colour,
      // Told by renderError, like every other error.
      outputError: () => undefined,
    })
    .exitOverride();
  for (const declare of COMMANDS) declare(program, runtime);
  return program;
}

/** One short line per command. */
function summaryOf(command: Command): string {
  return (command.summary() || command.description()).replace(/[.:].*$/, '');
}

/**
 * Runs one command line, without the program's name.
 * @returns the exit code. It throws nothing: errors are told on standard error.
 */
export async function run(
  argv: readonly string[],
  io: Io,
  services: Services = SERVICES,
): Promise<number> {
  let exitCode = 0;
  const exitWith = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram({ io, services, exitWith });
  let running = program;
  program.hook('preAction', (_program, command) => {
    running = command;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    const commands = new CommandLines(running, io.env);
    return tell(asUsageError(error, argv, program), { argv, io, commands });
  }
}

function tell(
  error: unknown,
  { argv, io, commands }: { argv: readonly string[]; io: Io; commands: CommandLines },
): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Without a command the program has shown its help.
    if (error.code === 'commander.help') return 64;
  } else if (io.signal.aborted && !(error instanceof TidingsError)) {
    return EXIT_INTERRUPTED;
  }
  const { text, exitCode } = renderError(error, {
    json: argv.includes('--json'),
    colour: io.stderr.colour,
    commands,
    debug: io.env['TIDINGS_DEBUG'] === '1',
  });
  io.stderr.write(resolveDocPointers(text, io.cwd));
  return exitCode;
}

/** What commander found wrong, in our words; what it did not find, and the end of its help, as it is. */
function asUsageError(error: unknown, argv: readonly string[], program: Command): unknown {
  if (!(error instanceof CommanderError) || error.exitCode === 0) return error;
  if (error.code === 'commander.help') return error;
  const { command, next } = commandOf(argv, program);
  // Where a command without its subcommand lists what there is, commander sees one word too many.
  const mistyped = error.code === 'commander.excessArguments' && command.commands.length > 0;
  const problem =
    mistyped && next !== null
      ? unknownCommand(next, command)
      : sentence(error.message.replace(/^error: /, ''));
  // The options of a command that lists without its subcommand are those of its `list`.
  const implied = mistyped ? undefined : command.commands.find((each) => each.name() === 'list');
  const names: string[] = [];
  for (let at: Command | null = implied ?? command; at !== null; at = at.parent)
    names.unshift(at.name());
  return new TidingsError('USAGE', { problem, command: names.join(' ') }, { cause: error });
}

/** The command that was meant, as far as its names go, and the word that follows them. */
function commandOf(
  argv: readonly string[],
  program: Command,
): { readonly command: Command; readonly next: string | null } {
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return { command, next: word.startsWith('-') ? null : word };
    command = next;
  }
  return { command, next: null };
}

function unknownCommand(word: string, command: Command): string {
  const meant = suggest(
    word,
    command.commands.map((each) => each.name()),
  );
  const question = meant === null ? '' : ` Did you mean ${meant}?`;
  return `Unknown command '${word}'.${question}`;
}

/** Commander begins small and puts its suggestion on a line of its own. */
function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1).replace(/\n\((.*)\)$/, '. $1');
  return /[.?!]$/.test(whole) ? whole : `${whole}.`;
}
