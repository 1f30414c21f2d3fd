import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { attempt, WebhookReceiver, webhookSink } from '../../../test/support/webhook-receiver.ts';
import type { Outcome } from '../sink.ts';
import { outcomeOf } from './outcome.ts';

const { signal } = new AbortController();

/** What becomes of an attempt that is answered so, by a real receiver. */
async function answered(
  status: number,
  headers: OutgoingHttpHeaders = {},
  body = '',
): Promise<Outcome> {
  await using receiver = await WebhookReceiver.listen();
  receiver.answer = (response) => void response.writeHead(status, headers).end(body);
  await using sink = webhookSink(receiver.url);
  // Awaited here: at the return the sink closes.
  return await sink.deliver(attempt(), signal);
}

/** Kind, code and asked-for pause of an outcome. */
function briefly(outcome: Outcome): readonly unknown[] {
  if (outcome.kind === 'ack') return ['ack'];
  const { error, kind } = outcome;
  return kind === 'retry' && outcome.rest === true
    ? [kind, error.code, outcome.after]
    : [kind, error.code];
}

for (const status of [200, 201, 202, 204, 206, 299]) {
  test(`${status} acknowledges, whatever is said with it`, async () => {
    const body = status === 204 ? '' : '{"error":"not really"}';
    assert.deepEqual(await answered(status, { 'retry-after': '10' }, body), { kind: 'ack' });
  });
}

for (const status of [304, 400, 401, 403, 404, 408, 409, 413, 418, 422, 500, 501, 502, 504, 599]) {
  test(`${status} is tried again`, async () => {
    const [kind] = briefly(await answered(status));
    assert.equal(kind, 'retry');
  });
}

test('410: the receiver wants nothing any more', async () => {
  const outcome = await answered(410, {}, 'bye');
  assert.deepEqual(briefly(outcome), ['gone', 'WEBHOOK_GONE']);
  assert.ok(outcome.kind === 'gone');
  assert.deepEqual(outcome.error.answer, { status: 410, excerpt: 'bye' });
});

test('a failure says the status, its meaning, and the beginning of the answer', async () => {
  const outcome = await answered(413, {}, 'too much\r\n');
  assert.ok(outcome.kind === 'retry');
  assert.deepEqual(outcome.error, {
    code: 'WEBHOOK_STATUS',
    message: 'The receiver answered 413 (Payload Too Large).',
    answer: { status: 413, excerpt: 'too much' },
  });
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`${status}: the redirect is not followed`, async () => {
    await using target = await WebhookReceiver.listen();
    const location = target.url.replace('http://', 'http://ann:geheim@');
    const outcome = await answered(status, { location: `${location}?token=geheim` });
    assert.deepEqual(briefly(outcome), ['retry', 'WEBHOOK_REDIRECT']);
    assert.ok(outcome.kind === 'retry');
    assert.ok(outcome.error.message.includes(`127.0.0.1:${target.port}`));
    assert.doesNotMatch(outcome.error.message, /geheim|\/in/);
    assert.equal(target.connections.total, 0);
  });
}

test('a redirect to nowhere, or to no address', async () => {
  const messages = [];
  for (const headers of [{}, { location: '/new' }, { location: 'about:blank' }]) {
    const outcome = await answered(302, headers);
    messages.push(outcome.kind === 'retry' && /to (.*);/.exec(outcome.error.message)?.[1]);
  }
  assert.deepEqual(messages, ['nowhere', 'another path', 'another path']);
});

const RETRY_AFTER: readonly (readonly [value: string | null, after: number | null])[] = [
  ['120', 120_000],
  ['0', 0],
  ['999999999999', 86_400_000],
  ['soon', null],
  ['-5', null],
  ['1.5', null],
  [null, null],
];

for (const [value, after] of RETRY_AFTER) {
  for (const status of [429, 503]) {
    test(`${status} with Retry-After ${value ?? 'left out'}`, async () => {
      const outcome = await answered(status, value === null ? {} : { 'retry-after': value });
      const rest = after === null ? [] : [after];
      assert.deepEqual(briefly(outcome), ['retry', 'WEBHOOK_STATUS', ...rest]);
    });
  }
}

test('Retry-After as a date is counted from now', async () => {
  const date = new Date(Date.now() + 90_000).toUTCString();
  const outcome = await answered(503, { 'retry-after': date });
  assert.ok(outcome.kind === 'retry' && outcome.rest === true);
  const { after = 0 } = outcome;
  assert.ok(after > 80_000 && after <= 90_000, String(after));
});

test('Retry-After means nothing with another status', async () => {
  assert.deepEqual(briefly(await answered(500, { 'retry-after': '10' })), [
    'retry',
    'WEBHOOK_STATUS',
  ]);
});

const NO_ANSWER: readonly (readonly [errno: string, code: string])[] = [
  ['ENOTFOUND', 'WEBHOOK_DNS_FAILED'],
  ['EAI_AGAIN', 'WEBHOOK_DNS_FAILED'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'WEBHOOK_TLS_FAILED'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'WEBHOOK_TLS_FAILED'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'WEBHOOK_TLS_FAILED'],
  ['CERT_HAS_EXPIRED', 'WEBHOOK_TLS_FAILED'],
  ['INVALID_PURPOSE', 'WEBHOOK_TLS_FAILED'],
  ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', 'WEBHOOK_TLS_FAILED'],
  ['ECONNRESET', 'WEBHOOK_RESET'],
  ['UND_ERR_SOCKET', 'WEBHOOK_RESET'],
  ['HPE_INVALID_CONSTANT', 'WEBHOOK_PROTOCOL'],
  ['UND_ERR_HEADERS_OVERFLOW', 'WEBHOOK_PROTOCOL'],
  ['UND_ERR_DESTROYED', 'WEBHOOK_ABORTED'],
  ['ECONNREFUSED', 'WEBHOOK_CONNECT_FAILED'],
  ['UND_ERR_CONNECT_TIMEOUT', 'WEBHOOK_CONNECT_FAILED'],
  ['EHOSTUNREACH', 'WEBHOOK_CONNECT_FAILED'],
];

for (const [errno, code] of NO_ANSWER) {
  test(`${errno} is ${code}`, () => {
    const error = Object.assign(new Error('no luck'), { code: errno });
    for (const what of [error, new AggregateError([error, new Error('second')])]) {
      const outcome = outcomeOf({ error: what }, 0);
      assert.ok(outcome.kind === 'retry');
      assert.equal(outcome.error.code, code);
      if (code === 'WEBHOOK_ABORTED') continue;
      assert.ok(outcome.error.message.includes(`${errno}, no luck`));
    }
  });
}

test('also what nobody expects has an outcome', () => {
  for (const error of [undefined, null, 'text', new AggregateError([]), new Error('')]) {
    const outcome = outcomeOf({ error }, 0);
    assert.ok(outcome.kind === 'retry');
    assert.equal(outcome.error.code, 'WEBHOOK_CONNECT_FAILED');
  }
});
