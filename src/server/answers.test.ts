import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tidings } from '../app/tidings.ts';
import { recordingLogger } from '../../test/support/api-fixture.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { TidingsError } from '../errors/tidings-error.ts';
import { Access } from './access.ts';
import { createApi } from './api.ts';
import type { Problem } from './problem.ts';

const CONTROL = 'control';

/** What is answered, byte for byte, when the service's status comes out so. */
async function answerTo(
  status: () => Promise<unknown>,
): Promise<{ readonly code: number; readonly body: string; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const api = await createApi({
    service: { status } as unknown as Tidings,
    access: new Access(null, CONTROL),
    http: null,
    logger: recordingLogger(lines),
    draining: new AbortController().signal,
  });
  const headers = { authorization: `Bearer ${CONTROL}` };
  const { statusCode, body } = await api.inject({ url: '/v1/status', headers });
  await api.close();
  return { code: statusCode, body, lines };
}

test('what the service says is answered as it is, also what the schemas do not know', async () => {
  const status = {
    later: { added: [1, 'two', null] },
    service: { pid: 7, version: '1', unknown: true },
    sources: [{ name: 'größe "x"', log: { head: 2 ** 53 - 1, bytes: 0.1 }, error: null }],
    subscriptions: [],
  };
  const { code, body } = await answerTo(() => Promise.resolve(status));
  assert.equal(code, 200);
  assert.equal(body, JSON.stringify(status));
});

test('a defect is logged whole and answered without anything of what is inside', async () => {
  const defect = new Error('password hunter2', { cause: new Error('in the pool') });
  const { code, body, lines } = await answerTo(() => Promise.reject(defect));
  const problem = JSON.parse(body) as Problem;
  assert.deepEqual([code, problem.code], [500, 'API_DEFECT']);
  assert.doesNotMatch(body, /hunter2|\.ts/);
  const [line = ''] = lines.filter((line) => line.startsWith('error'));
  assert.match(line, /hunter2[\s\S]*answers\.test\.ts/);
  assert.ok(line.includes(problem.instance.replace('urn:uuid:', '')));
});

test('trouble that may pass is 503 and is not taken for a defect', async () => {
  const error = new TidingsError('STATE_FAILED', { path: 'state.sqlite', reason: 'disk full' });
  const { code, body, lines } = await answerTo(() => Promise.reject(error));
  const problem = JSON.parse(body) as Problem;
  const expected: ErrorCode = 'STATE_FAILED';
  assert.deepEqual([code, problem.code, problem.retryable], [503, expected, true]);
  assert.deepEqual(
    lines.filter((line) => line.startsWith('error')),
    [],
  );
});
