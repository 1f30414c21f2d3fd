import { CATALOGUE, type ErrorCode } from './catalogue.ts';
import type { ErrorEntry } from './entry.ts';
import { shellWord } from './shell-word.ts';

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;

/** The particulars that the entry's message and hint ask for. */
export type ErrorDetails<Code extends ErrorCode> = {
  readonly [
    Name in Placeholders<(typeof CATALOGUE)[Code]['message'] | (typeof CATALOGUE)[Code]['hint']>
  ]: string | number;
};

/**
 * The one error class for what can go wrong in use. Its code is stable, its message says what
 * happened, its hint what to do. Defects in Tidings itself are ordinary Errors.
 */
export class TidingsError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'TidingsError';
  readonly code: Code;
  readonly hint: string;
  readonly retryable: boolean;
  readonly exit: ErrorEntry['exit'];
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: Code, details: ErrorDetails<Code>, options?: ErrorOptions) {
    const entry: ErrorEntry = CATALOGUE[code];
    super(fill(entry.message, details), options);
    this.code = code;
    this.hint = fill(entry.hint, details);
    this.retryable = entry.retryable;
    this.exit = entry.exit;
    this.details = details;
  }
}

/** True for a TidingsError, with this code when one is given. */
export function isTidingsError<Code extends ErrorCode>(
  error: unknown,
  code?: Code,
): error is TidingsError<Code> {
  return error instanceof TidingsError && (code === undefined || error.code === code);
}

/** A command to be typed. What is filled in there is a word of it, whatever characters it has. */
const COMMAND = /(`tidings [^`]*`)/;

function fill(template: string, details: Readonly<Record<string, string | number>>): string {
  return template
    .split(COMMAND)
    .map((part) =>
      part.replace(/\{(\w+)\}/g, (whole, name: string) => {
        const value = String(details[name] ?? whole);
        return COMMAND.test(part) && value !== whole ? shellWord(value) : value;
      }),
    )
    .join('');
}
