import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { attempt, WebhookReceiver, webhookSink } from '../../../test/support/webhook-receiver.ts';
import { ENDS } from '../../../test/support/until.ts';
import type { Lookup } from './guarded-connect.ts';
import type { WebhookSinkOptions } from './webhook-sink.ts';

const [ca, hooks, client, selfSigned] = ['ca', 'hooks', 'client', 'server'].map((name) => ({
  cert: pem(`${name}.crt`),
  // The authority's key is not kept: nothing more is signed with it.
  key: name === 'ca' ? '' : pem(`${name}.key`),
})) as [Pair, Pair, Pair, Pair];

interface Pair {
  readonly cert: string;
  readonly key: string;
}

function pem(file: string): string {
  return readFileSync(join(import.meta.dirname, '../../../test/tls', file), 'utf8');
}

const toLoopback: Lookup = (_name, _options, callback) => {
  callback(null, [{ address: '127.0.0.1', family: 4 }]);
};

/** `ack`, or the message of the failure; `requests` is what the receiver got. */
async function tried(
  server: TlsOptions,
  tls: WebhookSinkOptions['tls'],
  host = 'hooks.example',
): Promise<{ readonly said: string; readonly requests: number }> {
  await using receiver = await WebhookReceiver.listen(server);
  await using sink = webhookSink(receiver.urlAt(host), { tls, lookup: toLoopback });
  const outcome = await sink.deliver(attempt(), new AbortController().signal);
  const { length: requests } = receiver.requests;
  if (!('error' in outcome)) return { said: outcome.kind, requests };
  return { said: `${outcome.error.code}: ${outcome.error.message}`, requests };
}

test('a self-signed certificate is refused', ENDS, async () => {
  const { said, requests } = await tried(selfSigned, {}, 'localhost');
  assert.match(said, /^WEBHOOK_TLS_FAILED: .*DEPTH_ZERO_SELF_SIGNED_CERT/);
  assert.equal(requests, 0);
});

test('an authority that nobody knows is refused', ENDS, async () => {
  const { said, requests } = await tried(hooks, {});
  assert.match(said, /^WEBHOOK_TLS_FAILED: .*UNABLE_TO_/);
  assert.equal(requests, 0);
});

test(
  'the configured authority is trusted, and a self-signed certificate as its own',
  ENDS,
  async () => {
    assert.deepEqual(await tried(hooks, { ca: ca.cert }), { said: 'ack', requests: 1 });
    const own = await tried(selfSigned, { ca: selfSigned.cert }, 'localhost');
    assert.deepEqual(own, { said: 'ack', requests: 1 });
  },
);

test('a certificate for another name is refused, and for an address too', ENDS, async () => {
  for (const host of ['crm.example', '127.0.0.1']) {
    const { said, requests } = await tried(hooks, { ca: ca.cert }, host);
    assert.match(said, /^WEBHOOK_TLS_FAILED: .*ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.equal(requests, 0);
  }
});

const DEMANDING = { ...hooks, ca: ca.cert, requestCert: true, rejectUnauthorized: true };

test('a receiver that demands a certificate gets ours', ENDS, async () => {
  const tls = { ca: ca.cert, ...client };
  assert.deepEqual(await tried(DEMANDING, tls), { said: 'ack', requests: 1 });
});

test('without one, or with one that it does not know, it takes nothing', ENDS, async () => {
  for (const tls of [{ ca: ca.cert }, { ca: ca.cert, ...selfSigned }]) {
    const { said, requests } = await tried(DEMANDING, tls);
    assert.match(said, /^WEBHOOK_(TLS_FAILED|RESET): /);
    assert.equal(requests, 0);
  }
});

test('http where https is expected, and the other way round', ENDS, async () => {
  await using plain = await WebhookReceiver.listen();
  await using secure = await WebhookReceiver.listen(hooks);
  const { signal } = new AbortController();
  await using toPlain = webhookSink(plain.url.replace('http:', 'https:'));
  await using toSecure = webhookSink(secure.url.replace('https:', 'http:'));
  const codes = [];
  for (const sink of [toPlain, toSecure]) {
    const outcome = await sink.deliver(attempt(), signal);
    codes.push(outcome.kind === 'retry' && outcome.error.code);
  }
  assert.equal(codes[0], 'WEBHOOK_TLS_FAILED');
  assert.match(String(codes[1]), /^WEBHOOK_(RESET|PROTOCOL)$/);
  assert.equal(plain.requests.length + secure.requests.length, 0);
});
