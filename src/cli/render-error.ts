import { isTooLong, LONGEST_TEXT } from '../change/too-large.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { redactText } from '../util/redact-url.ts';
import { ApiProblem } from './api-problem.ts';
import type { CommandLines } from './command-line.ts';
import { harmless } from '../util/harmless.ts';
import { painter } from './terminal/style.ts';

/** How an error is told. */
export interface ErrorStyle {
  readonly json: boolean;
  readonly colour: boolean;
  /** The commands that it suggests. */
  readonly commands: CommandLines;
  /** Adds stacks and causes. */
  readonly debug: boolean;
}

const DEFECT_HINT =
  'This is a defect in Tidings. Please report it with what TIDINGS_DEBUG=1 shows for the same command.';

/** What is printed for an error, and the exit code of the command that it ended. */
export function renderError(
  error: unknown,
  style: ErrorStyle,
): { readonly text: string; readonly exitCode: number } {
  const { commands } = style;
  const known = error instanceof ApiProblem ? error : asTidingsError(error);
  const code = known?.code ?? 'DEFECT';
  const message = redactText(
    known === null
      ? String(error instanceof Error ? error.message : error)
      : commands.in(known.message),
  );
  const hint = commands.in(known?.hint ?? DEFECT_HINT);
  const exitCode = known?.exit ?? 1;
  if (style.json) {
    return { text: `${JSON.stringify({ error: { code, message, hint } })}\n`, exitCode };
  }
  const paint = painter(style);
  const lines = [`${paint('red', `error ${code}:`)} ${harmless(message)}`, `→ ${harmless(hint)}`];
  if (style.debug) lines.push(paint('dim', harmless(stacks(error))));
  return { text: lines.map((line) => `${line}\n`).join(''), exitCode };
}

/** An error that users can meet; what the system refuses is one too. */
function asTidingsError(error: unknown): TidingsError | null {
  if (error instanceof TidingsError) return error;
  if (!(error instanceof Error)) return null;
  if (isTooLong(error)) {
    return new TidingsError('TEXT_TOO_LONG', { limit: LONGEST_TEXT }, { cause: error });
  }
  const { syscall, path, code } = error as NodeJS.ErrnoException;
  if (syscall === undefined || path === undefined || code === undefined) return null;
  const details = { operation: syscall, path, reason: code };
  return new TidingsError('SYSTEM_ERROR', details, { cause: error });
}

function stacks(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = redactText(error.stack ?? error.message);
  return error.cause === undefined ? own : `${own}\ncaused by ${stacks(error.cause)}`;
}
