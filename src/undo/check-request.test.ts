import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../errors/tidings-error.ts';
import { checkRequest, describeRequest } from './check-request.ts';
import type { UndoRequest } from './undo-plan.ts';

test('a request says one way, and what goes with it', () => {
  const accepted: readonly UndoRequest[] = [
    { transaction: '7712' },
    { transaction: '7712', tables: ['public.a'], operations: ['delete'] },
    { tables: ['public.a'], since: '2026-11-21T13:45:00Z', until: 1200 },
    { tables: ['public.a'], to: 0, keys: ['7'] },
  ];
  for (const request of accepted) checkRequest(request);
  const refused: readonly (readonly [object, RegExp])[] = [
    [{}, /no transaction and no time/],
    [{ tables: ['public.a'] }, /no transaction and no time/],
    [
      { transaction: '1', since: 5, tables: ['public.a'] },
      /transaction and since do not go together/,
    ],
    [{ since: 5 }, /no table was given/],
    [{ to: 5, tables: [] }, /no table was given/],
    [{ transaction: '1', until: 5 }, /`until` needs `since`/],
    [{ transaction: '1', operations: ['drop'] }, /"drop" is no operation/],
  ];
  for (const [request, problem] of refused) {
    assert.throws(
      () => checkRequest(request as UndoRequest),
      (error) => isTidingsError(error, 'UNDO_REQUEST_INVALID') && problem.test(error.message),
      JSON.stringify(request),
    );
  }
});

test('a request in a line', () => {
  assert.equal(describeRequest({ transaction: '7712' }), 'transaction 7712');
  assert.equal(
    describeRequest({
      tables: ['public.a', 'public.b'],
      since: 5,
      until: 9,
      operations: ['delete'],
      keys: ['7'],
      where: 'before.v > 1',
      actor: 'ann',
    }),
    'public.a, public.b, since 5, until 9, only delete, keys 7, where before.v > 1, by ann',
  );
});
