import type { Option } from 'commander';

/** By the option itself or by its parser, whichever a command has at hand. */
const VALUES = new WeakMap<object, readonly string[]>();

/**
 * Notes which values an option takes when they are few and fixed, so that shells can offer them.
 * Commander's own `choices` would list them in the help as well, where most texts name them already.
 * @param of the option, or the parser that it is read with.
 */
export function withFixedValues<Of extends object>(of: Of, values: readonly string[]): Of {
  VALUES.set(of, values);
  return of;
}

/** The values that an option takes; none when they are not fixed. */
export function fixedValues(option: Option): readonly string[] {
  const { argChoices, parseArg } = option;
  return argChoices ?? VALUES.get(option) ?? (parseArg && VALUES.get(parseArg)) ?? [];
}
