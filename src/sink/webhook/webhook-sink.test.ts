import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudEvent, HTTP } from 'cloudevents';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { parseWire, TEST_TYPE } from '../../change/wire.ts';
import {
  ANSWER_204,
  attempt,
  type Received,
  SECRET,
  WebhookReceiver,
  webhookSink,
} from '../../../test/support/webhook-receiver.ts';
import { ENDS } from '../../../test/support/until.ts';
import { testSink } from '../sink.contract.ts';

const NEWER = `whsec_${Buffer.alloc(24, 8).toString('base64')}`;
const FOREIGN = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
const { signal } = new AbortController();

testSink('webhook', async () => {
  const receiver = await WebhookReceiver.listen();
  const sink = webhookSink(receiver.url);
  return {
    sink,
    get received() {
      return receiver.requests.map(({ headers }) => String(headers['webhook-id']));
    },
    behave(behaviour) {
      if (behaviour === 'takes') receiver.answer = ANSWER_204;
      else if (behaviour === 'hangs until aborted') receiver.answer = () => undefined;
      else receiver.answer = (response) => void response.writeHead(500).end();
    },
    async [Symbol.asyncDispose]() {
      await sink[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
});

/** What a receiver got for one change. */
async function sent(
  options: Parameters<typeof webhookSink>[1] = {},
  what = attempt(),
): Promise<Received> {
  await using receiver = await WebhookReceiver.listen();
  await using sink = webhookSink(`${receiver.url}?room=7`, options);
  assert.deepEqual(await sink.deliver(what, signal), { kind: 'ack' });
  return receiver.requests[0] ?? assert.fail('nothing came');
}

function verify({ body, headers }: Received, secret: string): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}

test(
  'a POST with the id of the change, a time, the count and the user’s own headers',
  ENDS,
  async () => {
    const before = Math.floor(Date.now() / 1_000);
    const own = { 'X-Room': 'blue', Authorization: 'Bearer 1' };
    const { change } = attempt();
    const request = await sent({ headers: own }, { subscription: 'crm', change, number: 3 });
    const { headers } = request;
    assert.deepEqual([request.method, request.path], ['POST', '/in?room=7']);
    assert.equal(headers['webhook-id'], change.id);
    const timestamp = Number(headers['webhook-timestamp']);
    assert.ok(timestamp >= before && timestamp <= Date.now() / 1_000);
    assert.equal(headers['tidings-attempt'], '3');
    assert.equal(headers['content-type'], 'application/cloudevents+json; charset=utf-8');
    assert.equal(headers['content-length'], String(Buffer.byteLength(request.body)));
    assert.equal(headers['user-agent'], 'tidings/test');
    assert.deepEqual([headers['x-room'], headers.authorization], ['blue', 'Bearer 1']);
  },
);

test('the user’s own user agent takes the place of ours, however it is written', ENDS, async () => {
  const { rawHeaders } = await sent({ headers: { 'USER-Agent': 'shop/1' } });
  const names = rawHeaders.filter((_text, index) => index % 2 === 0);
  assert.equal(names.filter((name) => name.toLowerCase() === 'user-agent').length, 1);
  assert.ok(rawHeaders.includes('shop/1'));
});

test('the signature is that of the Standard Webhooks library', ENDS, async () => {
  const request = await sent();
  assert.deepEqual(verify(request, SECRET), JSON.parse(request.body));
  assert.throws(() => verify(request, FOREIGN), WebhookVerificationError);
});

test('whatever is tampered with, the signature does not fit', ENDS, async () => {
  const request = await sent();
  const { headers } = request;
  const tampered: readonly Received[] = [
    { ...request, body: request.body.replace('ann@', 'bob@') },
    { ...request, body: `${request.body} ` },
    { ...request, headers: { ...headers, 'webhook-id': 'main:0000000001A2B3C4:1' } },
    {
      ...request,
      headers: {
        ...headers,
        'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1),
      },
    },
  ];
  for (const one of tampered) assert.throws(() => verify(one, SECRET), WebhookVerificationError);
});

test('while secrets change over, a receiver that knows either one verifies', ENDS, async () => {
  const request = await sent({ secrets: [NEWER, SECRET] });
  assert.equal(String(request.headers['webhook-signature']).split(' ').length, 2);
  verify(request, NEWER);
  verify(request, SECRET);
  assert.throws(() => verify(request, FOREIGN), WebhookVerificationError);
});

test('the body is a CloudEvent, and the change', ENDS, async () => {
  const changes = [
    attempt().change,
    attempt(1, { operation: 'insert', before: null, changed: null }).change,
    attempt(2, { operation: 'delete', after: null, changed: null }).change,
    attempt(3, { operation: 'truncate', key: null, before: null, after: null, changed: null })
      .change,
  ];
  for (const change of changes) {
    const { headers, body } = await sent({}, { subscription: 'crm', change, number: 1 });
    const event = HTTP.toEvent({ headers, body });
    assert.ok(event instanceof CloudEvent);
    // Throws for what the specification does not allow.
    assert.ok(event.validate());
    assert.deepEqual([event.id, event.source], [change.id, '/sources/main']);
    assert.deepEqual([event.type, event.specversion], ['tidings.change.v1', '1.0']);
    assert.deepEqual(parseWire(body), change);
  }
});

test('a test delivery is signed, has an id and a type of its own, and is shown', ENDS, async () => {
  await using receiver = await WebhookReceiver.listen();
  receiver.answer = (response) => void response.writeHead(200, { 'x-a': '1' }).end('thanks');
  await using sink = webhookSink(receiver.url);
  const shown = await sink.test(attempt(), signal);
  const [request = assert.fail('nothing came')] = receiver.requests;
  const body = verify(request, SECRET) as { readonly type: string; readonly id: string };
  assert.equal(body.type, TEST_TYPE);
  assert.match(body.id, /^test_[0-9a-f-]{36}$/);
  assert.equal(request.headers['webhook-id'], body.id);
  assert.throws(() => parseWire(request.body), /type is none of tidings\.change\.v1/);
  assert.deepEqual([shown.request.method, shown.request.url], ['POST', receiver.url]);
  assert.equal(shown.request.body, request.body);
  assert.equal(shown.request.headers['webhook-id'], body.id);
  assert.deepEqual([shown.answer?.status, shown.answer?.excerpt], [200, 'thanks']);
  assert.equal(shown.answer?.headers['x-a'], '1');
  assert.deepEqual(shown.outcome, { kind: 'ack' });
  assert.ok(shown.milliseconds > 0);
});

test('a test delivery without an answer says why', ENDS, async () => {
  const receiver = await WebhookReceiver.listen();
  await receiver[Symbol.asyncDispose]();
  await using sink = webhookSink('http://127.0.0.1:1/in');
  const { answer, outcome } = await sink.test(attempt(), signal);
  assert.equal(answer, null);
  assert.equal(outcome.kind === 'retry' && outcome.error.code, 'WEBHOOK_CONNECT_FAILED');
});

test('secrets and values of headers appear in nothing that is kept or shown', ENDS, async () => {
  const headers = { Authorization: 'Bearer abc.def-geheim', Cookie: 'session=geheim-two; a=b' };
  const secrets = [SECRET, NEWER];
  const hidden = ['abc.def-geheim', 'geheim-two', ...secrets, 'geheim-query'];
  const echo = (status: number) => async (): Promise<void> => {
    await using receiver = await WebhookReceiver.listen();
    receiver.answer = (response, { headers: got, path }) => {
      const text = JSON.stringify({ got, path, secrets });
      const { authorization = '', cookie = '' } = got;
      response.writeHead(status, { 'set-cookie': [cookie, 'x=1'], 'x-echo': authorization });
      response.end(text);
    };
    await using sink = webhookSink(`${receiver.url}?token=geheim-query`, { headers, secrets });
    const shown = await sink.test(attempt(), signal);
    const outcome = await sink.deliver(attempt(), signal);
    assert.equal(shown.answer?.status, status);
    const text = JSON.stringify([shown, outcome]);
    for (const value of hidden) assert.ok(!text.includes(value), `${value} in ${text}`);
    assert.equal(shown.request.headers['authorization'], '…');
  };
  for (const status of [200, 301, 401, 410, 503]) await echo(status)();
});
