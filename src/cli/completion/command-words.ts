import type { Command, Option } from 'commander';
import { fixedValues } from '../fixed-values.ts';

/** An option as a shell offers it. */
export interface OptionWords {
  /** `-h`, `--help`: all its spellings, the short one first. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What its value is; null when it takes none. */
  readonly value: ValueKind | null;
}

/** Fixed values, names of files or folders, or anything else. */
export type ValueKind = readonly string[] | 'file' | 'folder' | 'any';

/** A word that may come next, and what it does. */
export interface NextWord {
  readonly word: string;
  readonly description: string;
}

/** What can follow one command. */
export interface CommandWords {
  /** Its name without the program's: `log verify`; empty for the program itself. */
  readonly path: string;
  /** Subcommands, and arguments with fixed values. */
  readonly next: readonly NextWord[];
  readonly options: readonly OptionWords[];
}

/** The program with all its commands, outer ones first, as shells complete them. */
export function commandWords(program: Command): readonly CommandWords[] {
  return below(program, []);
}

function below(command: Command, path: readonly string[]): readonly CommandWords[] {
  const inner = command.commands.flatMap((each) => below(each, [...path, each.name()]));
  const options = optionsOf(command);
  // A command that lists when no subcommand follows takes the options of its `list`.
  const implied = command.commands.find((each) => each.name() === 'list');
  const seen = new Set(options.flatMap(({ flags }) => flags));
  const more = (implied === undefined ? [] : optionsOf(implied)).filter(
    ({ flags }) => !flags.some((flag) => seen.has(flag)),
  );
  const own = { path: path.join(' '), next: nextOf(command), options: [...options, ...more] };
  return path.length === 0 ? [own, helpOf(command), ...inner] : [own, ...inner];
}

function nextOf(command: Command): readonly NextWord[] {
  const names = namesOf(command);
  const fixed = command.registeredArguments.flatMap(({ argChoices = [], description }) =>
    argChoices.map((word) => ({ word, description })),
  );
  // Only the program itself has a command `help`; `tidings log help` is not worth a word.
  if (command.parent !== null) return [...names, ...fixed];
  return [...names, { word: 'help', description: 'Show help for a command' }];
}

/** Commander makes this one by itself. */
function helpOf(program: Command): CommandWords {
  return { path: 'help', next: namesOf(program), options: [] };
}

function namesOf(command: Command): readonly NextWord[] {
  return command.commands.map((each) => ({ word: each.name(), description: shortText(each) }));
}

function shortText(command: Command): string {
  return brief(command.summary() || command.description());
}

function optionsOf(command: Command): readonly OptionWords[] {
  const listed = command.options.filter(({ hidden }) => !hidden).map(optionWords);
  return [...listed, { flags: ['-h', '--help'], description: 'show help', value: null }];
}

function optionWords(option: Option): OptionWords {
  const { short, long } = option;
  const flags = [short, long].filter((flag) => flag !== undefined);
  // What --json prints is a shape, which no menu has room for.
  const description = long === '--json' ? 'print JSON' : brief(option.description);
  return { flags, description, value: valueOf(option) };
}

function valueOf(option: Option): ValueKind | null {
  if (!option.required && !option.optional) return null;
  const fixed = fixedValues(option);
  if (fixed.length > 0) return fixed;
  if (option.long === '--data-dir') return 'folder';
  return /<(path|file)>/.test(option.flags) ? 'file' : 'any';
}

/** Menus have room for one clause. */
function brief(text: string): string {
  return text.replace(/(: |; | \(|\. |\.$)[^]*$/, '').replaceAll('\n', ' ');
}
