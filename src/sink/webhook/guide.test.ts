/** The request that docs/guide/webhooks.md shows is one that this sink makes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { attempt, WebhookReceiver, webhookSink } from '../../../test/webhook-receiver.ts';
import { parseWire } from '../../change/wire.ts';

const GUIDE = readFileSync(join(import.meta.dirname, '../../../docs/guide/webhooks.md'), 'utf8');

function shownRequest(): { readonly headers: ReadonlyMap<string, string>; readonly body: string } {
  const [, block = assert.fail('no request in the guide')] =
    /```http\n([\s\S]*?)\n```/.exec(GUIDE) ?? [];
  const [head = '', body = ''] = block.split('\n\n');
  const lines = head.split('\n').slice(1);
  return { headers: new Map(lines.map((line) => line.split(': ') as [string, string])), body };
}

test('its signature fits, with the secret that the guide names', () => {
  const { headers, body } = shownRequest();
  const [secret = assert.fail('no secret in the guide')] =
    /whsec_[A-Za-z0-9+/]{32,}=*/.exec(GUIDE) ?? [];
  const id = headers.get('webhook-id') ?? '';
  const at = new Date(Number(headers.get('webhook-timestamp')) * 1_000);
  assert.equal(headers.get('webhook-signature'), new Webhook(secret).sign(id, at, body));
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(body)));
  assert.equal(parseWire(body).id, id);
});

test('a request of today has the same headers', async () => {
  await using receiver = await WebhookReceiver.listen();
  await using sink = webhookSink(receiver.url);
  await sink.deliver(attempt(), new AbortController().signal);
  const [request = assert.fail('nothing came')] = receiver.requests;
  const { headers } = shownRequest();
  assert.deepEqual(Object.keys(request.headers).toSorted(), [...headers.keys()].toSorted());
  assert.equal(request.headers['content-type'], headers.get('content-type'));
});
