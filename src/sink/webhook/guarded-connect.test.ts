/** What must not be reached is not even connected to: each test has a server that would see it. */
import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import {
  ANSWER_204,
  attempt,
  WebhookReceiver,
  webhookSink,
} from '../../../test/support/webhook-receiver.ts';
import { ENDS } from '../../../test/support/until.ts';
import type { Outcome } from '../sink.ts';
import type { Lookup } from './guarded-connect.ts';
import type { WebhookSinkOptions } from './webhook-sink.ts';

const { signal } = new AbortController();

/** Where there is IPv6 the servers listen to both, so that nothing comes in unseen. */
const HAS_IPV6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1');
const ANY = HAS_IPV6 ? '::' : '0.0.0.0';

function codeOf(outcome: Outcome): string {
  return 'error' in outcome ? outcome.error.code : outcome.kind;
}

/** One attempt; `connections` is what the server saw of it. */
async function tried(
  host: string,
  options: Partial<WebhookSinkOptions> = {},
): Promise<{ readonly outcome: Outcome; readonly connections: number }> {
  await using receiver = await WebhookReceiver.listen(undefined, ANY);
  await using sink = webhookSink(receiver.urlAt(host), { allowAddresses: [], ...options });
  const outcome = await sink.deliver(attempt(), signal);
  return { outcome, connections: receiver.connections.total };
}

/** Resolves names as the table says. */
function resolver(table: (name: string) => readonly string[]): Lookup {
  return (name, _options, callback) => {
    const addresses = table(name).map((address): LookupAddress => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    setImmediate(() => callback(null, addresses));
  };
}

const LITERALS = [
  '127.0.0.1',
  '127.1',
  '127.255.0.1',
  '2130706433',
  '0x7f.1',
  '0177.0.0.1',
  '0.0.0.0',
  '0',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '169.254.169.254',
  '[fe80::1]',
  '[fd00::1]',
  '%31%32%37.0.0.1',
  '１２７.0.0.1',
];

for (const host of [...LITERALS, 'localhost', 'LOCALHOST']) {
  test(`http://${host}/ is refused without a connection`, ENDS, async () => {
    const { outcome, connections } = await tried(host);
    assert.equal(codeOf(outcome), 'WEBHOOK_ADDRESS_REFUSED');
    assert.equal(connections, 0);
  });
}

test("this machine's own addresses in its networks are refused too", ENDS, async () => {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => /^(10|127|192\.168|172\.(1[6-9]|2\d|3[01]))\./.test(address));
  assert.ok(own.length > 0);
  for (const { address } of own) {
    const { outcome, connections } = await tried(address);
    assert.equal(codeOf(outcome), 'WEBHOOK_ADDRESS_REFUSED');
    assert.equal(connections, 0);
  }
});

const RESOLVED = [
  '127.0.0.1',
  '::1',
  '::ffff:127.0.0.1',
  '0.0.0.0',
  '::',
  '10.0.0.1',
  'fe80::1%lo',
];

for (const address of RESOLVED) {
  test(`a name that leads to ${address} is refused without a connection`, ENDS, async () => {
    const { outcome, connections } = await tried('hooks.example', {
      lookup: resolver(() => [address]),
    });
    assert.equal(codeOf(outcome), 'WEBHOOK_ADDRESS_REFUSED');
    assert.ok(outcome.kind === 'retry');
    assert.match(outcome.error.message, /hooks\.example is at /);
    assert.equal(connections, 0);
  });
}

const ALLOWED: readonly (readonly [host: string, allowed: string])[] = [
  ['127.0.0.1', '127.0.0.1'],
  ['127.1', '127.0.0.0/8'],
  ['127.0.0.9', '127.0.0.0/8'],
  ['[::ffff:127.0.0.1]', '127.0.0.1'],
  ['[::1]', '::1'],
  ['[::1]', '::/64'],
];

for (const [host, allowed] of ALLOWED) {
  const skip = host === '[::1]' && !HAS_IPV6;
  test(`http://${host}/ is reached when ${allowed} is allowed`, { skip }, async () => {
    const { outcome, connections } = await tried(host, { allowAddresses: [allowed] });
    assert.deepEqual(outcome, { kind: 'ack' });
    assert.equal(connections, 1);
  });
}

test('a name is reached when its address is allowed, and only at that one', ENDS, async () => {
  const lookup = resolver(() => ['10.0.0.1', '127.0.0.1', '::1']);
  const { outcome } = await tried('hooks.example', { lookup, allowAddresses: ['127.0.0.1'] });
  assert.deepEqual(outcome, { kind: 'ack' });
});

test('DNS that changes its answer: the next connection is checked again', ENDS, async () => {
  let answers = ['127.0.0.1'];
  await using receiver = await WebhookReceiver.listen(undefined, ANY);
  receiver.answer = (response, request) => {
    response.setHeader('connection', 'close');
    ANSWER_204(response, request);
  };
  await using sink = webhookSink(receiver.urlAt('hooks.example'), {
    allowAddresses: ['127.0.0.1'],
    lookup: resolver(() => answers),
  });
  assert.deepEqual(await sink.deliver(attempt(1), signal), { kind: 'ack' });
  for (const next of [['127.0.0.2'], ['::1'], ['::ffff:127.0.0.3']]) {
    answers = next;
    assert.equal(codeOf(await sink.deliver(attempt(2), signal)), 'WEBHOOK_ADDRESS_REFUSED');
  }
  assert.equal(receiver.connections.total, 1);
  answers = ['127.0.0.1'];
  assert.deepEqual(await sink.deliver(attempt(3), signal), { kind: 'ack' });
});

test(
  'a name with a permitted and a private address never leads to the private one',
  ENDS,
  async () => {
    const [permitted, refused] = ['127.0.0.2', '127.0.0.1'];
    for (const answer of [
      [permitted, refused, '::1'],
      [refused, '::1', permitted],
    ]) {
      // Nobody listens at the permitted one, so that there would be a reason to try the others.
      await using receiver = await WebhookReceiver.listen(undefined, refused);
      await using sink = webhookSink(receiver.urlAt('hooks.example'), {
        allowAddresses: [permitted],
        lookup: resolver(() => answer),
      });
      assert.equal(codeOf(await sink.deliver(attempt(), signal)), 'WEBHOOK_CONNECT_FAILED');
      assert.equal(receiver.connections.total, 0);
    }
  },
);

test('a name that does not resolve, or to nothing', ENDS, async () => {
  const missing: Lookup = (_name, _options, callback) => {
    callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
  };
  const { outcome } = await tried('hooks.example', { lookup: missing });
  assert.equal(codeOf(outcome), 'WEBHOOK_DNS_FAILED');
  const empty = await tried('hooks.example', { lookup: resolver(() => []) });
  assert.equal(codeOf(empty.outcome), 'WEBHOOK_DNS_FAILED');
});

test('a resolver that does not answer: the signal ends the attempt', ENDS, async () => {
  let asked = 0;
  const lookup: Lookup = () => void (asked += 1);
  await using sink = webhookSink('http://hooks.example/in', { lookup });
  const outcome = await sink.deliver(attempt(), AbortSignal.timeout(50));
  assert.equal(codeOf(outcome), 'WEBHOOK_ABORTED');
  assert.equal(asked, 1);
});
