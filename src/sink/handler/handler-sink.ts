import { type Change, OPERATIONS, type Operation, type Row } from '../../change/change.ts';
import { isRewindTable } from '../../change/rewind.ts';
import { TidingsError } from '../../errors/tidings-error.ts';
import { describeFailure } from '../describe-failure.ts';
import type { Attempt, Outcome, Sink } from '../sink.ts';
import type { HandlerCall, RewindRow, TableHandler } from './table-handler.ts';
import { thrownAt } from './thrown-at.ts';

const ACK: Outcome = { kind: 'ack' };
const ACKNOWLEDGED = Promise.resolve(ACK);
const NO_ROW: Row = {};

/** Calls an object in this process. */
export class HandlerSink implements Sink {
  readonly kind = 'handler';
  readonly #handler: TableHandler;

  /** @throws TidingsError `HANDLER_INVALID` when it has no method, or one that is no function. */
  constructor(subscription: string, handler: TableHandler) {
    const problem = findProblem(handler);
    if (problem !== null) {
      throw new TidingsError('HANDLER_INVALID', { name: subscription, problem });
    }
    this.#handler = handler;
  }

  /** The operations it has a method for. The others need not be sent. */
  get operations(): readonly Operation[] {
    return handledOperations(this.#handler);
  }

  /** The columns that it names; without them all count. */
  get columns(): readonly string[] | undefined {
    return this.#handler.columns;
  }

  deliver(attempt: Attempt, signal: AbortSignal): Promise<Outcome> {
    let returned: unknown;
    try {
      returned = callMethod(this.#handler, attempt, signal);
    } catch (error) {
      return Promise.resolve(failure(error));
    }
    if (typeof returned !== 'object' || returned === null) return ACKNOWLEDGED;
    // `resolve` also takes promises of other libraries, which may have only a `then`.
    return Promise.resolve(returned).then(() => ACK, failure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The handler is its owner's; there is nothing to close.
  }
}

/** The operations a handler has a method for. */
export function handledOperations(handler: TableHandler): readonly Operation[] {
  return OPERATIONS.filter((operation) => handler[operation] !== undefined);
}

/** A handler as it is called: which change goes to which method is decided here, by its operation. */
type Methods = Readonly<
  Partial<Record<Operation, (row: Row | null, change: Change, call: HandlerCall) => unknown>>
>;

function callMethod(handler: TableHandler, attempt: Attempt, signal: AbortSignal): unknown {
  const { change } = attempt;
  const call: HandlerCall = { signal, attempt: attempt.number };
  const { operation, before, after, key, schema, table: name } = change;
  if (isRewindTable({ schema, name })) {
    return handler.rewind?.(after as unknown as RewindRow, change, call);
  }
  const methods = handler as Methods;
  if (operation === 'truncate') return methods.truncate?.(null, change, call);
  const row = operation === 'delete' ? (before ?? key) : after;
  return methods[operation]?.(row ?? NO_ROW, change, call);
}

function failure(error: unknown): Outcome {
  const stack = thrownAt(error);
  const described = describeFailure(error);
  return { kind: 'retry', error: stack === undefined ? described : { ...described, stack } };
}

function findProblem(handler: TableHandler): string | null {
  const methods = handledOperations(handler);
  if (methods.length === 0) return 'has no method';
  const named = handler.rewind === undefined ? methods : ([...methods, 'rewind'] as const);
  const wrong = named.find((name) => typeof handler[name] !== 'function');
  if (wrong !== undefined) return `has a ${wrong} that is no function`;
  return isColumns(handler.columns) ? null : 'has columns that are no list of names';
}

/** Types say so, but a handler may be plain JavaScript. */
function isColumns(columns: unknown): boolean {
  if (columns === undefined) return true;
  const named = Array.isArray(columns) && columns.length > 0;
  return named && columns.every((name) => typeof name === 'string');
}
