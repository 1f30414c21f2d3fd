import type { Command } from 'commander';
import { COMMAND_IN_TEXT } from '../errors/command-text.ts';
import { shellWord } from '../errors/shell-word.ts';
import type { Io } from './io.ts';

/** Options as commander parsed them. */
export type ParsedOptions = Readonly<Record<string, unknown>>;

/** Where a command looked. What it suggests has to look into the same place. */
const WHERE = {
  config: '--config',
  dataDir: '--data-dir',
  source: '--source',
  api: '--api',
  token: '--token',
} as const;

/**
 * The commands that one command suggests, as a POSIX shell reads them: begun the way it was begun
 * itself, on the same configuration, data directory, source and service, so that they can be copied.
 * Every command that is printed comes from here (`suggestions.test.ts`).
 */
export class CommandLines {
  readonly #program: Command;
  readonly #options: ParsedOptions;
  /** How it was begun: `tidings`, or `npx tidings`. */
  readonly name: string;
  /** The data directory of the demo is another one than that of the other commands. */
  readonly #inDemo: boolean;

  /** @param command the one that runs; the whole program before that is known. */
  constructor(command: Command, env: Io['env']) {
    let program = command;
    let inDemo = false;
    while (program.parent !== null) {
      inDemo ||= program.name() === 'demo';
      program = program.parent;
    }
    this.#inDemo = inDemo;
    this.#program = program;
    this.#options = command.optsWithGlobals();
    this.name = programName(env);
  }

  /** @param words the subcommand with its arguments; they are quoted where a shell needs it. */
  of(...words: readonly string[]): string {
    return this.#whole(words.map(shellWord).join(' '));
  }

  /** As `of`, without how this one was begun: for a file that others read. */
  plain(...words: readonly string[]): string {
    return this.#whole(words.map(shellWord).join(' '), 'tidings');
  }

  /** A text of ours, such as an error's hint or what a check suggests, with its commands as `of` has them. */
  in(text: string): string {
    return text.replace(COMMAND_IN_TEXT, (_command, line: string) => this.#whole(line));
  }

  /** Help with its usage and examples. No name of a user's is in it, so every command is ours. */
  inHelp(text: string): string {
    return text.replace(/(?<![\w/.-]|npx )tidings (?=[a-z[])/g, `${this.name} `);
  }

  /** @param line a command without the program's name, quoted already. */
  #whole(line: string, name = this.name): string {
    const taken = this.#flagsOf(line);
    const where = Object.entries(WHERE).flatMap(([option, flag]) => {
      const value = this.#options[option];
      if (typeof value !== 'string' || !taken.includes(flag) || hasFlag(line, flag)) return [];
      // A secret that was typed once is not printed.
      return [flag, option === 'token' ? 'TOKEN' : shellWord(value)];
    });
    return [name, line, ...where].join(' ');
  }

  /** The flags that the command of a line takes; none where the line asks for help. */
  #flagsOf(line: string): readonly string[] {
    if (hasFlag(line, '--help') || this.#inDemo !== line.startsWith('demo')) return [];
    let command = this.#program;
    for (const word of line.split(' ')) {
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) break;
      command = next;
    }
    // What lists without its subcommand takes what `list` takes.
    command = command.commands.find((each) => each.name() === 'list') ?? command;
    return command.options.flatMap(({ long }) => long ?? []);
  }
}

function hasFlag(line: string, flag: string): boolean {
  return line.split(/[ =]/).includes(flag);
}

/** Options that were given, as words again; those given several times several times. */
export function optionWords(
  options: ParsedOptions,
  flags: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(flags).flatMap(([name, flag]) => {
    const value = options[name];
    const values = Array.isArray(value) ? (value as unknown[]) : [value];
    return values.flatMap((each) =>
      typeof each === 'string' || typeof each === 'number' ? [flag, String(each)] : [],
    );
  });
}

/**
 * Package managers tell their children who they are. Who runs `tidings` by one, also in a script of
 * package.json, may have no `tidings` on the path.
 */
function programName(env: Io['env']): string {
  const [manager = ''] = (env['npm_config_user_agent'] ?? '').split('/');
  return RUN_BY.get(manager) ?? 'tidings';
}

const RUN_BY: ReadonlyMap<string, string> = new Map([
  ['npm', 'npx tidings'],
  ['pnpm', 'pnpm exec tidings'],
  ['yarn', 'yarn tidings'],
  ['bun', 'bunx tidings'],
]);
