import {
  EvaluationError,
  ParseError,
  type ParseResult,
  TypeError as TypeMismatch,
} from '@marcbachmann/cel-js';
import type { ChangeView } from '../change/decode.ts';
import { qualifiedName } from '../change/table.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { CONDITION_LIMITS, conditionEnvironment } from './condition/environment.ts';
import { ConditionScope } from './condition/scope.ts';
import { columnsOf, prepareSyntaxTree, RefusedCondition } from './condition/syntax-tree.ts';
import { UndecidableError } from './condition/undecidable.ts';
import { isUnknown } from './condition/unknown.ts';

/** A prepared condition. */
export interface Condition {
  /**
   * True when the condition is true for the change. As in SQL it does not hold when it is false or
   * when it cannot be told because of a null or a JSON member that is not there.
   * @throws TidingsError `FILTER_FAILED` when it has no answer for another reason.
   */
  holds(view: ChangeView): boolean;
}

/**
 * Prepares the row filter of a subscription: a CEL expression (https://cel.dev) that has no access
 * to anything but the change. docs/guide/filters.md describes it for users.
 * @throws TidingsError `FILTER_INVALID`
 */
export function compileCondition(where: string): Condition {
  const evaluate = prepare(where);
  const scope = new ConditionScope();
  return {
    holds: (view) => {
      let answer: unknown;
      try {
        scope.show(view);
        answer = evaluate(scope);
      } catch (error) {
        if (isUnknown(error, view.stored.table)) return false;
        throw failed(where, view, error);
      }
      if (typeof answer === 'boolean') return answer;
      if (answer === null) return false;
      throw failed(where, view, new UndecidableError('its value is neither true nor false'));
    },
  };
}

/**
 * The columns that a condition asks for and has to find: those after `has` or `?` may be missing. None
 * for what is no condition, which is told where it is prepared.
 */
export function conditionColumns(where: string): readonly string[] {
  try {
    return columnsOf(conditionEnvironment().parse(where).ast);
  } catch (error) {
    if (error instanceof ParseError) return [];
    throw error;
  }
}

function prepare(where: string): ParseResult {
  if (where.length > CONDITION_LIMITS.length) {
    throw invalid(where, `it is longer than ${CONDITION_LIMITS.length} characters`);
  }
  let parsed: ParseResult;
  try {
    parsed = conditionEnvironment().parse(where);
    prepareSyntaxTree(parsed.ast, CONDITION_LIMITS.loops);
  } catch (error) {
    if (error instanceof RefusedCondition) throw invalid(where, error.message, error.start);
    if (error instanceof ParseError) throw invalid(where, error.summary, error.range?.start);
    throw error;
  }
  const { type, error } = parsed.check();
  if (error !== undefined) {
    // Anything else is a defect of the library or ours, and its message is all there is.
    const known = error instanceof TypeMismatch || error instanceof ParseError;
    throw invalid(where, known ? error.summary : String(error), known ? error.range?.start : 0);
  }
  if (type !== 'bool' && type !== 'dyn') {
    throw invalid(where, `its value is of type ${type}, and it has to be true or false`);
  }
  return parsed;
}

function invalid(where: string, problem: string, start = 0): TidingsError<'FILTER_INVALID'> {
  const before = where.slice(0, start).split('\n');
  const line = before.length;
  const column = (before.at(-1) ?? '').length + 1;
  const excerpt = `  ${where.split('\n')[line - 1] ?? ''}\n${' '.repeat(column + 1)}^`;
  return new TidingsError('FILTER_INVALID', { problem, line, column, excerpt });
}

function failed(where: string, view: ChangeView, error: unknown): TidingsError<'FILTER_FAILED'> {
  const table = qualifiedName(view.stored.table);
  const details = { where, change: view.change.id, table, problem: describe(error) };
  return new TidingsError('FILTER_FAILED', details, { cause: error });
}

/** The end of a sentence, with the library's names of types as a condition writes them. */
function describe(error: unknown): string {
  if (!(error instanceof EvaluationError)) {
    return error instanceof Error ? error.message : 'it cannot be evaluated';
  }
  const text = error.summary
    .replace(/dyn<([^<>]+)>/g, '$1')
    .replace(/google\.protobuf\.(\w+)/g, (_, name: string) => name.toLowerCase());
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
