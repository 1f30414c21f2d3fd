import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeApi, problem, SUBSCRIPTION } from '../../test/support/fake-api.ts';
import type { TestReport } from '../app/administration.ts';

const TAKEN: TestReport = {
  subscription: 'crm',
  request: {
    method: 'POST',
    url: 'https://crm.example/in',
    headers: { 'webhook-id': 'test_1', authorization: '…' },
    body: '{"type":"tidings.test.v1","data":{"after":{"id":7}}}',
  },
  answer: { status: 204, headers: { server: 'crm\u001b[2J' }, excerpt: '' },
  outcome: 'ack',
  error: null,
  milliseconds: 12.4,
};
const REFUSED: TestReport = {
  ...TAKEN,
  answer: { status: 503, headers: {}, excerpt: '<h1>Sorry</h1>\n' },
  outcome: 'retry',
  error: { code: 'WEBHOOK_STATUS', message: 'The endpoint answered 503.' },
};

const routesThat = (answer: () => unknown) => ({
  'GET /v1/subscriptions/crm': () => SUBSCRIPTION,
  'POST /v1/subscriptions/crm/test': answer,
});

test('what went over the wire, and exit code 0 when it was taken', async () => {
  await using api = await fakeApi(routesThat(() => TAKEN));
  const { code, out } = await api.tidings('trigger-test crm');
  assert.equal(code, 0);
  assert.deepEqual(out.split('\n'), [
    'POST https://crm.example/in',
    '  webhook-id: test_1',
    '  authorization: …',
    '',
    '  {',
    '    "type": "tidings.test.v1",',
    '    "data": {',
    '      "after": {',
    '        "id": 7',
    '      }',
    '    }',
    '  }',
    '',
    'HTTP 204 after 12 ms',
    '  server: crm\\u001b[2J',
    '',
    'The endpoint took it.',
    '',
  ]);
  const asJson = await api.tidings('trigger-test crm --json');
  assert.deepEqual(JSON.parse(asJson.out), TAKEN);
});

test('1 when it was not, with what would become of a change', async () => {
  let report = REFUSED;
  await using api = await fakeApi(routesThat(() => report));
  const refused = await api.tidings('trigger-test crm');
  assert.equal(refused.code, 1);
  assert.match(
    refused.out,
    /\nHTTP 503 after 12 ms\n\n {2}<h1>Sorry<\/h1>\n\nNot taken; a change would be tried again\. WEBHOOK_STATUS: The endpoint answered 503\.\n→ tidings subscriptions show crm\n$/,
  );
  report = { ...REFUSED, answer: null, outcome: 'reject' };
  const silent = await api.tidings('trigger-test crm');
  assert.match(
    silent.out,
    /\nno answer after 12 ms\n\nNot taken; a change would be parked at once/,
  );
  report = { ...REFUSED, outcome: 'gone' };
  assert.match((await api.tidings('trigger-test crm')).out, /would pause the subscription/);
});

test('a long body is shortened', async () => {
  const body = JSON.stringify(Array.from({ length: 500 }, (_, at) => at));
  await using api = await fakeApi(
    routesThat(() => ({ ...TAKEN, request: { ...TAKEN.request, body } })),
  );
  const { out } = await api.tidings('trigger-test crm');
  assert.match(out, /\n {2}… 442 more lines; --json has them\n/);
});

test('an endpoint that cannot be tested is an error of the service', async () => {
  await using api = await fakeApi(routesThat(() => problem(409, 'TEST_UNSUPPORTED')));
  const { err } = await api.tidings('trigger-test crm');
  assert.match(err, /^error TEST_UNSUPPORTED/);
});
