import { z } from 'zod';
import { compileTablePatterns, TablePatternError } from '../change/table-pattern.ts';
import { suggest } from './suggest.ts';

/** What is wrong with one value: the end of a sentence that begins with its path. */
export class ValueProblem extends Error {
  override readonly name = 'ValueProblem';
  /** True when the value is fine and this version cannot do it yet. */
  readonly notYet: boolean;

  constructor(problem: string, options?: { readonly notYet: boolean }) {
    super(problem);
    this.notYet = options?.notYet ?? false;
  }
}

/**
 * A schema of one value from a function that reads it.
 * @param read takes what was written and returns what it means; throws a ValueProblem.
 * @param missing the problem when nothing was written.
 */
export function value<Input, Output = Input>(
  read: (written: unknown) => Output,
  missing = 'is missing',
): z.ZodType<Output, Input> {
  const schema = z.unknown().transform((written, context) => {
    try {
      if (written === undefined) throw new ValueProblem(missing);
      return read(written);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      const params = { notYet: error.notYet };
      context.addIssue({ code: 'custom', message: error.message, params });
      return z.NEVER;
    }
  });
  return schema as unknown as z.ZodType<Output, Input>;
}

/**
 * As {@link value}, for what often comes from the environment: not set, or empty, it is absent. Who
 * needs it asks for it (`needed.ts`).
 */
export function valueIfSet<Input, Output = Input>(
  read: (written: unknown) => Output,
): z.ZodOptional<z.ZodType<Output | undefined, Input>> {
  return value<Input, Output | undefined>((written) =>
    written === '' ? undefined : read(written),
  ).optional();
}

/** A value as a message shows it; long ones are cut. */
export function shown(written: unknown): string {
  const json = typeof written === 'bigint' ? `${written}n` : JSON.stringify(written);
  const whole = json ?? String(written);
  return whole.length > 60 ? `${whole.slice(0, 57)}...` : whole;
}

export function text(): z.ZodType<string, string> {
  return value((written) => {
    if (typeof written !== 'string') throw new ValueProblem(`is ${kindOf(written)}, not text`);
    if (written === '') throw new ValueProblem('is empty');
    return written;
  });
}

export function boolean(): z.ZodType<boolean, boolean> {
  return value((written) => {
    if (written === true || written === 'true') return true;
    if (written === false || written === 'false') return false;
    throw new ValueProblem(`is ${shown(written)}, and has to be true or false`);
  });
}

/** A number within limits, both included. */
export function number(
  limits: { readonly min: number; readonly max: number },
  whole: boolean,
): z.ZodType<number, number> {
  const wanted = `${whole ? 'a whole number' : 'a number'} from ${limits.min} to ${limits.max}`;
  return value((written) => {
    const fits =
      typeof written === 'number' &&
      written >= limits.min &&
      written <= limits.max &&
      (!whole || Number.isInteger(written));
    if (!fits) throw new ValueProblem(`is ${shown(written)}, and has to be ${wanted}`);
    return written;
  });
}

/** One of some words. */
export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word, Word> {
  return value((written) => readWord(written, words));
}

export function readWord<Word extends string>(written: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === written);
  if (found !== undefined) return found;
  const meant = typeof written === 'string' ? suggest(written, words) : null;
  const asked = meant === null ? '' : ` (did you mean ${meant}?)`;
  const last = words.at(-1) ?? '';
  const all = words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
  throw new ValueProblem(`is ${shown(written)}${asked}, and has to be ${all}`);
}

/** A list of different texts, at least one. */
export function textList<Text extends string = string>(
  read: (written: string) => Text,
): z.ZodType<readonly Text[], readonly Text[]> {
  return value((written) => readList(written).map(read));
}

/** Table patterns that all parse and include something. */
export function tablePatterns(): z.ZodType<readonly string[], readonly string[]> {
  return value((written) => {
    const patterns = readList(written);
    try {
      compileTablePatterns(patterns);
    } catch (error) {
      if (!(error instanceof TablePatternError)) throw error;
      const { pattern, problem, suggestion } = error;
      throw new ValueProblem(
        `has ${shown(pattern)}, which ${problem}; for instance: ${suggestion}`,
      );
    }
    return patterns;
  });
}

function readList(written: unknown): readonly string[] {
  if (!Array.isArray(written)) {
    throw new ValueProblem(`is ${kindOf(written)}, and has to be a list: ['…']`);
  }
  if (written.length === 0) throw new ValueProblem('is an empty list');
  const seen = new Set<string>();
  for (const entry of written as unknown[]) {
    if (typeof entry !== 'string') throw new ValueProblem(`has ${shown(entry)}, which is not text`);
    if (seen.has(entry)) throw new ValueProblem(`has ${shown(entry)} twice`);
    seen.add(entry);
  }
  return [...seen];
}

/** The kind of a value in a person's words. */
export function kindOf(written: unknown): string {
  if (written === null) return 'null';
  if (written === undefined) return 'missing';
  if (Array.isArray(written)) return 'a list';
  const type = typeof written;
  if (type === 'string') return 'text';
  return type === 'object' ? 'an object' : `a ${type}`;
}
