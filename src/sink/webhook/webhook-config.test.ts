import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { resolveConfig } from '../../config/resolve-config.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NEWER = `whsec_${Buffer.alloc(24, 8).toString('base64')}`;
const SOURCES = { main: { url: 'postgresql://ann@db/shop' } };

function withWebhook(webhook: object, more: object = {}): object {
  const to = { webhook: { url: 'https://crm.example/in', secret: SECRET, ...webhook } };
  return { sources: SOURCES, subscriptions: { crm: { tables: ['public.accounts'], to, ...more } } };
}

function complaint(input: object): string {
  try {
    resolveConfig(input);
  } catch (error) {
    assert.ok(isTidingsError(error));
    return error.message;
  }
  return assert.fail('it was taken');
}

test('a webhook is tried for about three days, unless it is said otherwise', () => {
  const { delivery } = resolveConfig(withWebhook({})).subscriptions['crm'] ?? assert.fail();
  const { maxAttempts, backoff } = delivery;
  assert.deepEqual(delivery, {
    maxConcurrency: 16,
    timeout: 30_000,
    maxAttempts: 16,
    backoff: { first: 5_000, factor: 4, max: 8 * 3_600_000, jitter: 0.3 },
  });
  let pauses = 0;
  for (let failures = 1; failures < maxAttempts; failures += 1) {
    pauses += Math.min(backoff.max, backoff.first * backoff.factor ** (failures - 1));
  }
  const days = (pauses * (1 - backoff.jitter / 2)) / 86_400_000;
  assert.ok(days > 2.4 && days < 3.2, `${days} days`);
  const input = withWebhook(
    {},
    { delivery: { rate: 2.5, maxAttempts: 3, backoff: { max: '1m' } } },
  );
  const own = resolveConfig(input).subscriptions['crm']?.delivery;
  assert.deepEqual([own?.rate, own?.maxAttempts, own?.backoff.max], [2.5, 3, 60_000]);
});

test('secrets, headers and certificates arrive, paths absolute and PEM text as it is', () => {
  const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';
  const input = withWebhook({
    secret: [NEWER, SECRET],
    headers: { Authorization: 'Bearer 1' },
    tls: { ca: pem, cert: 'tls/client.pem', key: '/etc/tidings/key.pem' },
  });
  const config = resolveConfig(input, { directory: '/srv/shop' });
  const to = {
    webhook: {
      url: 'https://crm.example/in',
      secret: [NEWER, SECRET],
      headers: { Authorization: 'Bearer 1' },
      tls: { ca: pem, cert: '/srv/shop/tls/client.pem', key: '/etc/tidings/key.pem' },
    },
  };
  assert.deepEqual(config.subscriptions['crm']?.to, to);
  assert.deepEqual(resolveConfig(config, { directory: '/elsewhere' }), config);
});

const REFUSED: readonly (readonly [input: object, problem: RegExp])[] = [
  [withWebhook({ url: 'crm.example/in' }), /to\.webhook\.url is not an address/],
  [withWebhook({ url: 'ftp://crm.example/' }), /url begins with ftp:/],
  [withWebhook({ url: 'https://ann:geheim@crm.example/' }), /url has a user or password/],
  [withWebhook({ url: 'https://crm.example/#a' }), /url has a #fragment/],
  [withWebhook({ secret: 'geheim' }), /secret has to begin with whsec_/],
  [withWebhook({ secret: 'whsec_!!!!' }), /secret has to be base64/],
  [withWebhook({ secret: `whsec_${'AAAA'.repeat(7)}` }), /secret has 21 bytes, and needs 24 to 64/],
  [withWebhook({ secret: [SECRET, SECRET] }), /secret has the same secret twice/],
  [withWebhook({ headers: { 'Webhook-Id': '1' } }), /headers has webhook-id, which Tidings sets/],
  [withWebhook({ headers: { 'x-a': 'b\r\nc: d' } }), /headers has a value of x-a that no header/],
  [withWebhook({ headers: { 'x a': 'b' } }), /headers has a name that is none/],
  [withWebhook({ headers: { 'x-a': '1', 'X-A': '2' } }), /headers has x-a twice/],
  [withWebhook({ tls: { cert: 'a.pem' } }), /tls\.key is missing/],
  [withWebhook({}, { delivery: { rate: 0 } }), /delivery\.rate is 0/],
  [{ webhooks: { allowAddresses: ['10.0.0.0/33'] } }, /allowAddresses has "10\.0\.0\.0\/33"/],
  [{ webhooks: { allowAddresses: ['localhost'] } }, /allowAddresses has "localhost"/],
  [{ http: { token: 'short' } }, /http\.token has 5 characters, and needs 16/],
  [{ http: { port: 70_000 } }, /http\.port is 70000/],
  [{ http: { cors: ['https://ops.example/'] } }, /http\.cors has .*no origin/],
  [{ http: { tokens: { ops: { token: 'x'.repeat(20), rights: ['all'] } } } }, /rights is "all"/],
];

for (const [input, problem] of REFUSED) {
  test(`refused: ${problem.source}`, () => {
    const message = complaint(input);
    assert.match(message, problem);
    assert.doesNotMatch(message, /geheim|whsec_[A-Za-z0-9+/]{8}/);
  });
}

test('the API is off without a word about it, and complete with one', () => {
  assert.equal(resolveConfig({ sources: SOURCES }).http, undefined);
  const tokens = { ops: { token: 'x'.repeat(20) } };
  assert.deepEqual(resolveConfig({ sources: SOURCES, http: { tokens } }).http, {
    host: '127.0.0.1',
    port: 7070,
    tokens: { ops: { token: 'x'.repeat(20), rights: ['read'] } },
    cors: [],
  });
});
