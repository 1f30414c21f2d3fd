import { type Command, Option } from 'commander';
import type { Inspection } from '../app/inspection/inspection.ts';
import type { Looking } from '../app/looking/looking.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { type OptionPath, optionEntries } from '../config/option-table.ts';
import { LOG_LEVELS } from '../config/log-levels.ts';
import type { Flags } from '../config/overrides.ts';
import { CommandLines, type ParsedOptions } from './command-line.ts';
import { withKnownSource } from './embedded-source.ts';
import { withFixedValues } from './fixed-values.ts';
import type { Io } from './io.ts';
import type { Services } from './services.ts';

/** What a command gets to do its work. */
export interface CommandContext {
  readonly io: Io;
  readonly services: Services;
  /** The commands that it suggests. */
  readonly commands: CommandLines;
  /** `--json` was given. */
  readonly json: boolean;
  loadConfig(): Promise<LoadedConfig>;
  /** The configuration's data directory and databases, for commands that look from outside. */
  openInspection(): Promise<Inspection>;
  /** The same for what the log knows of rows and transactions. */
  openLooking(): Promise<Looking>;
}

/** Adds one command (with its subcommands) to the program. */
export type DeclareCommand = (program: Command, runtime: Runtime) => void;

/** What all commands of one run share. */
export interface Runtime {
  readonly io: Io;
  readonly services: Services;
  /** Called with the exit code of a command that ended; 0 unless called. */
  exitWith(code: number): void;
}

/** The options that commands share: `--config`, `--json`, and the option table's flags. */
export interface CommonOptions {
  /** Flags of the option table, by option. Default: only `dataDir`. */
  readonly flags?: readonly OptionPath[];
  /** False for a command that needs no configuration. Default: true. */
  readonly config?: boolean;
  /** What `--json` prints. */
  readonly json: string;
  readonly examples: readonly Example[];
}

/** Does the work of a command, with its arguments, and returns its exit code. */
export type Action = (
  context: CommandContext,
  options: ParsedOptions,
  parameters: readonly string[],
) => Promise<number>;

/** Adds the common options and examples to a command, and has it run `action`. */
export function complete(
  command: Command,
  runtime: Runtime,
  common: CommonOptions,
  action: Action,
): void {
  if (common.config !== false) {
    command.option(
      '--config <path>',
      'the configuration file (TIDINGS_CONFIG); variables that are not set are read from the .env beside it',
    );
  }
  for (const [path, entry] of optionEntries()) {
    if (entry.flag === undefined || !(common.flags ?? ['dataDir']).includes(path)) continue;
    const option = new Option(entry.flag, `${shortDescription(entry.description)} (${entry.env})`);
    command.addOption(path === 'logLevel' ? withFixedValues(option, LOG_LEVELS) : option);
  }
  command.option('--json', common.json);
  command.addHelpText('after', exampleText(common.examples));
  command.action(async (...parsed: unknown[]) => {
    // Commander passes the arguments, then the options, then the command itself.
    const options = parsed.at(-2) as ParsedOptions;
    const parameters = parsed.slice(0, -2) as readonly string[];
    runtime.exitWith(await action(createContext(runtime, command, options), options, parameters));
  });
}

/** A command line and what it does. */
export type Example = readonly [line: string, does: string];

function exampleText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  ${line.padEnd(width)}   ${does}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

function shortDescription(description: string): string {
  const [sentence = description] = description.split(/(?<=\.) /);
  return sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '');
}

function createContext(runtime: Runtime, command: Command, options: ParsedOptions): CommandContext {
  const { io, services } = runtime;
  const loadConfig = (): Promise<LoadedConfig> =>
    services.loadConfig({
      path: textOption(options, 'config'),
      env: io.env,
      cwd: io.cwd,
      flags: flagsOf(options),
    });
  return {
    io,
    services,
    commands: new CommandLines(command, io.env),
    json: options['json'] === true,
    loadConfig,
    openInspection: async () =>
      services.openInspection(await withKnownSource((await loadConfig()).config)),
    openLooking: async () =>
      services.openLooking(await withKnownSource((await loadConfig()).config)),
  };
}

function flagsOf(options: ParsedOptions): Flags {
  const given = optionEntries().flatMap(([path, entry]) => {
    const value = entry.flag === undefined ? undefined : textOption(options, path);
    return value === undefined ? [] : [[path, value] as const];
  });
  return Object.fromEntries(given);
}

/** An option's text; undefined when it was not given. */
export function textOption(options: ParsedOptions, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** An option that may be given several times, or with several values. */
export function listOption(options: ParsedOptions, name: string): readonly string[] | undefined {
  const value = options[name];
  return Array.isArray(value) ? (value as string[]) : undefined;
}

/** Prints a command's JSON form: one document per line, so that a stream of them is NDJSON. */
export function printJson(io: Io, document: unknown): void {
  io.stdout.write(`${JSON.stringify(document)}\n`);
}
