import { OPERATIONS } from '../change/change.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import type { UndoRequest } from './undo-plan.ts';

/**
 * A request may come from a program that no compiler has looked at.
 * @throws TidingsError `UNDO_REQUEST_INVALID`
 */
export function checkRequest(request: UndoRequest): void {
  const given = request as Partial<Record<'transaction' | 'since' | 'until' | 'to', unknown>>;
  const ways = (['transaction', 'since', 'to'] as const).filter((way) => given[way] !== undefined);
  if (ways.length !== 1) {
    const problem =
      ways.length === 0
        ? 'no transaction and no time was given'
        : `${ways.join(' and ')} do not go together`;
    throw new TidingsError('UNDO_REQUEST_INVALID', { problem });
  }
  if (!('transaction' in request) && (request.tables?.length ?? 0) === 0) {
    throw new TidingsError('UNDO_REQUEST_INVALID', { problem: 'no table was given' });
  }
  if (given.until !== undefined && given.since === undefined) {
    throw new TidingsError('UNDO_REQUEST_INVALID', { problem: '`until` needs `since`' });
  }
  const unknown = request.operations?.find((operation) => !OPERATIONS.includes(operation));
  if (unknown !== undefined) {
    const problem = `${JSON.stringify(unknown)} is no operation (${OPERATIONS.join(', ')})`;
    throw new TidingsError('UNDO_REQUEST_INVALID', { problem });
  }
}

/** The request in a line: for contexts, scripts and people. */
export function describeRequest(request: UndoRequest): string {
  const parts: string[] = [];
  if ('transaction' in request) parts.push(`transaction ${request.transaction}`);
  if (request.tables !== undefined) parts.push(request.tables.join(', '));
  if ('since' in request) parts.push(`since ${request.since}`);
  if ('until' in request && request.until !== undefined) parts.push(`until ${request.until}`);
  if ('to' in request) parts.push(`to ${request.to}`);
  const { operations, keys, where, actor } = request;
  if (operations !== undefined) parts.push(`only ${operations.join(', ')}`);
  if (keys !== undefined) parts.push(`keys ${keys.join(', ')}`);
  if (where !== undefined) parts.push(`where ${where}`);
  if (actor !== undefined) parts.push(`by ${actor}`);
  return parts.join(', ');
}
