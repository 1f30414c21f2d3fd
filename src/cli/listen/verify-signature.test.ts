import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newSecret } from '../webhook-secret.ts';
import { verifySignature } from './verify-signature.ts';

const SECRET = newSecret();
const NOW = new Date('2026-11-21T08:00:00.900Z');

/** Headers as another implementation of the specification signs. */
function signed(
  body: string,
  {
    secrets = [SECRET],
    at = NOW,
  }: { readonly secrets?: readonly string[]; readonly at?: Date } = {},
): Record<string, string> {
  return {
    'webhook-id': 'main:1:0',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets
      .map((secret) => new Webhook(secret).sign('main:1:0', at, body))
      .join(' '),
  };
}

function distrust(headers: Record<string, string>, body = '{}', secrets = [SECRET]): string | null {
  return verifySignature(headers, Buffer.from(body), secrets, NOW);
}

test('believes what another implementation has signed, and nothing that differs in one bit', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, at) => {
      const body = Buffer.from(text);
      const headers = signed(body.toString());
      assert.equal(verifySignature(headers, body, [SECRET], NOW), null);
      if (body.length === 0) return;
      const bit = at % (body.length * 8);
      body.writeUInt8(body.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.match(String(verifySignature(headers, body, [SECRET], NOW)), /does not fit/);
    }),
  );
});

test('several secrets on either side: one that both have is enough', () => {
  const [old, other] = [newSecret(), newSecret()];
  assert.equal(distrust(signed('{}', { secrets: [old, SECRET] })), null);
  assert.equal(distrust(signed('{}'), '{}', [old, SECRET]), null);
  assert.match(String(distrust(signed('{}', { secrets: [old] }), '{}', [other])), /another secret/);
});

test('says what is missing', () => {
  const headers = signed('{}');
  for (const name of Object.keys(headers)) {
    const { [name]: _missing, ...rest } = headers;
    assert.equal(distrust(rest), `it has no header ${name}: it is not signed`);
  }
});

test('five minutes either way, and no further', () => {
  const at = (seconds: number): string | null =>
    distrust(signed('{}', { at: new Date(NOW.getTime() + seconds * 1000) }));
  assert.equal(at(-300), null);
  assert.equal(at(300), null);
  assert.match(String(at(-301)), /is 301 s old, and may be 300/);
  assert.match(String(at(301)), /is 301 s ahead of this clock/);
  const headers = { ...signed('{}'), 'webhook-timestamp': 'now' };
  assert.match(String(distrust(headers)), /no number of seconds/);
});

test('other versions of signatures are passed over', () => {
  const { 'webhook-signature': signature = '', ...headers } = signed('{}');
  const mixed = { ...headers, 'webhook-signature': `v1a,AAAA v2,x ${signature}` };
  assert.equal(distrust(mixed), null);
  const foreign = { ...headers, 'webhook-signature': 'v1a,AAAA' };
  assert.match(String(distrust(foreign)), /no signature of version v1/);
  assert.match(String(distrust({ ...headers, 'webhook-signature': 'v1,' })), /does not fit/);
});
