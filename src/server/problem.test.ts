import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { test } from 'node:test';
import { CATALOGUE, type ErrorCode } from '../errors/catalogue.ts';
import { isTidingsError, TidingsError } from '../errors/tidings-error.ts';
import { logPruned } from '../log/log-pruned.ts';
import { httpStatus } from './error-status.ts';
import { ErrorWithMembers, problemHeaders, toProblem } from './problem.ts';

const REQUEST = '9b2f0a52-6c1e-4a55-b7b7-2d2f6f0f8a10';

test('a catalogued error is told with its code, hint and status', () => {
  const error = new TidingsError('SUBSCRIPTION_UNKNOWN', { name: 'crm' });
  assert.deepEqual(toProblem(error, REQUEST), {
    type: 'urn:tidings:error:SUBSCRIPTION_UNKNOWN',
    title: 'Not Found',
    status: 404,
    detail: 'There is no subscription named crm.',
    instance: `urn:uuid:${REQUEST}`,
    code: 'SUBSCRIPTION_UNKNOWN',
    hint: error.hint,
    retryable: false,
  });
});

test('an error of ours tells nothing of what is inside', () => {
  const problem = toProblem(new Error('password hunter2 at /srv/x.ts'), REQUEST);
  assert.equal(problem.status, 500);
  assert.equal(problem.code, 'API_DEFECT');
  assert.doesNotMatch(JSON.stringify(problem), /hunter2|srv/);
  for (const thrown of [undefined, null, 'text', { statusCode: 418 }, { code: 'ENOENT' }])
    assert.equal(toProblem(thrown, REQUEST).status, 500);
});

test('an answer that is too long for a text says so', () => {
  const long = 'x'.repeat(constants.MAX_STRING_LENGTH / 2);
  const thrown = ((): unknown => {
    try {
      return JSON.stringify([long, long]);
    } catch (error) {
      return error;
    }
  })();
  const { code, detail } = toProblem(thrown, REQUEST);
  assert.equal(code, 'TEXT_TOO_LONG');
  assert.match(detail, new RegExp(`the ${constants.MAX_STRING_LENGTH} characters`));
});

test('what else is known goes beside it', () => {
  const pruned = logPruned({ offset: 3, source: 'main', floor: 10 });
  const problem = toProblem(new ErrorWithMembers(pruned, { floor: 10, head: 99 }), REQUEST);
  assert.equal(problem.status, 410);
  assert.equal(problem.floor, 10);
  assert.equal(problem.head, 99);
});

test('every code of the catalogue has a status that is an error', () => {
  for (const code of Object.keys(CATALOGUE) as ErrorCode[]) {
    const status = httpStatus({ ...CATALOGUE[code], code } as unknown as TidingsError);
    assert.ok(status >= 400 && status < 600, code);
    if (code.startsWith('CONFIG_')) assert.equal(status, 422, code);
  }
});

test('errors that ask for something say so in a header, too', () => {
  const headers = (code: 'TOKEN_MISSING' | 'TOKEN_UNKNOWN' | 'SERVICE_DRAINING'): object =>
    problemHeaders(toProblem(new TidingsError(code, {}), REQUEST));
  assert.deepEqual(headers('TOKEN_MISSING'), { 'www-authenticate': 'Bearer realm="tidings"' });
  assert.deepEqual(headers('TOKEN_UNKNOWN'), {
    'www-authenticate': 'Bearer realm="tidings", error="invalid_token"',
  });
  assert.deepEqual(headers('SERVICE_DRAINING'), { 'retry-after': '1' });
});

test('a wait that was cut short is no defect', () => {
  const { reason } = AbortSignal.abort();
  assert.equal(toProblem(reason, REQUEST).code, 'SERVICE_DRAINING');
  assert.ok(!isTidingsError(reason));
});
