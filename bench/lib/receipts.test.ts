import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkReceipts, readReceipts, type Receipts, type TrueRow } from './receipts.ts';
import { RequestReader } from './request-reader.ts';
import { BENCH_SECRET, sign, signingKey } from './sign.ts';

/** Row 1 was inserted and updated, row 2 inserted. */
const TRUTH: readonly TrueRow[] = [
  { id: '1', version: 2, transaction: '11' },
  { id: '2', version: 1, transaction: '10' },
];

interface Received {
  readonly id: string;
  readonly row: number;
  readonly version: number;
  readonly transaction: string;
}

const RECEIVED: readonly [Received, Received, Received] = [
  { id: 'main:0A:0', row: 1, version: 1, transaction: '10' },
  { id: 'main:0A:1', row: 2, version: 1, transaction: '10' },
  { id: 'main:0B:0', row: 1, version: 2, transaction: '11' },
];

function receipts(received: readonly Received[]): Receipts {
  return {
    ids: received.map(({ id }) => id),
    rows: received.map(({ row }) => row),
    versions: received.map(({ version }) => version),
    transactions: received.map(({ transaction }) => transaction),
  };
}

test('what the table says passes, also when rows overtake each other', () => {
  const [first, second, third] = RECEIVED;
  checkReceipts(receipts(RECEIVED), TRUTH);
  checkReceipts(receipts([second, first, third]), TRUTH);
});

test('a change that is missing, repeated, out of order or of another transaction is found', () => {
  const [first, second, third] = RECEIVED;
  const wrong: readonly (readonly [Received[], RegExp])[] = [
    [[first, third], /row 2 is at version 1, received was none/],
    [[first, second], /row 1 is at version 2, received was 1/],
    [[first, second, third, third], /1 of 4 came again/],
    [[third, second, first], /row 1: version 2 after 0/],
    [[first, second, { ...third, transaction: '10' }], /row 1 is at version 2/],
    [[first, second, { ...third, id: 'main:0A:0' }], /2 ids for 3 changes/],
  ];
  for (const [received, message] of wrong) {
    assert.throws(() => checkReceipts(receipts(received), TRUTH), message);
  }
});

function request(change: { readonly id: string; readonly signedWith?: string }): Buffer {
  const body = JSON.stringify({
    id: change.id,
    data: {
      after: { id: 7, version: 3, name: 'é' },
      transaction: { id: '12', position: '0C', index: 4 },
    },
  });
  const key = signingKey(change.signedWith ?? BENCH_SECRET);
  const signature = sign(key, { id: change.id, timestamp: '1', body });
  const head = [
    'POST /changes HTTP/1.1',
    `Webhook-Id: ${change.id}`,
    'webhook-timestamp: 1',
    `webhook-signature: v1,bm90aGluZw== ${signature}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

test('requests are read from chunks of any size', () => {
  const one = request({ id: 'main:0C:4' });
  const wire = Buffer.concat([one, one, one]);
  for (const size of [1, 7, one.length - 1, one.length, one.length + 1, wire.length]) {
    const taken: Buffer[] = [];
    const reader = new RequestReader(({ bytes }) => taken.push(Buffer.from(bytes)));
    for (let at = 0; at < wire.length; at += size) reader.read(wire.subarray(at, at + size));
    assert.deepEqual(taken, [one, one, one], `chunks of ${size}`);
  }
});

test('a receipt is a signed change under its own id', () => {
  const read = (request: Buffer): Receipts => readReceipts([request], BENCH_SECRET);
  assert.deepEqual(read(request({ id: 'main:0C:4' })), {
    ids: ['main:0C:4'],
    rows: [7],
    versions: [3],
    transactions: ['12'],
  });
  assert.throws(() => read(request({ id: 'main:0C:5' })), /came with the change/);
  const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
  assert.throws(() => read(request({ id: 'main:0C:4', signedWith: other })), /is not right/);
});
