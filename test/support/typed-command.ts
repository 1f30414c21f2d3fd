import type { Argument, Command, Option } from 'commander';
import { fixedValues } from '../../src/cli/fixed-values.ts';
import { createProgram } from '../../src/cli/run.ts';
import { SERVICES } from '../../src/cli/services.ts';
import { recordedIo } from './recorded-io.ts';

const program = createProgram({ io: recordedIo(), services: SERVICES, exitWith: () => undefined });

/** Stands for something that the reader puts there: `NAME`, `{name}`, `…`, `N`. */
const PLACEHOLDER = /^(?:[A-Z][A-Z_]*|\{\w+\}|.*…)$/;

/**
 * What is wrong with a command line that people are told to type; null when nothing is.
 * @param words as a shell hands them over, the program's name first.
 * @param whole whether its arguments have to be there as well; a text may name a command without.
 */
export function complaintOf(words: readonly string[], whole = false): string | null {
  let command: Command = program;
  let expected: Option | undefined;
  let count = 0;
  for (const word of words.slice(1)) {
    const next = count === 0 ? find(command, word) : undefined;
    if (expected !== undefined) {
      const strange = wrongValue(fixedValues(expected), word);
      if (strange) return `${expected.long} takes no ${word}`;
      expected = undefined;
    } else if (next !== undefined) {
      command = next;
    } else if (word === '…') {
      continue; // Stands for more words.
    } else if (word.startsWith('-')) {
      const option = optionOf(command, word);
      if (option === undefined && !isCommon(word)) return `${command.name()} has no ${word}`;
      expected = option?.required === true ? option : undefined;
    } else {
      // What lists without its subcommand takes what `list` takes.
      command = find(command, 'list') ?? command;
      const argument = command.registeredArguments[count] ?? lastVariadic(command);
      if (argument === undefined) return `${command.name()} has no ${word}`;
      if (wrongValue(argument.argChoices ?? [], word)) return `${command.name()} takes no ${word}`;
      count += 1;
    }
  }
  if (expected !== undefined) return `${expected.long} needs a value`;
  if (!whole || words.some((word) => word.endsWith('…') || word === '--help')) return null;
  const missing = command.registeredArguments.filter(({ required }) => required)[count];
  return missing === undefined ? null : `${command.name()} needs ${missing.name()}`;
}

function find(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name);
}

function optionOf(command: Command, word: string): Option | undefined {
  const options = [...command.options, ...(find(command, 'list')?.options ?? [])];
  return options.find(({ long, short }) => long === word || short === word);
}

/** Every command has these. */
function isCommon(word: string): boolean {
  return ['--help', '-h'].includes(word);
}

function lastVariadic({ registeredArguments }: Command): Argument | undefined {
  return registeredArguments.findLast(({ variadic }) => variadic);
}

function wrongValue(values: readonly string[], word: string): boolean {
  return values.length > 0 && !values.includes(word) && !PLACEHOLDER.test(word);
}
