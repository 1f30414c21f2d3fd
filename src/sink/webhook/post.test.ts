/** Receivers that do not answer as they should, and what it costs. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import {
  attempt,
  RawReceiver,
  WebhookReceiver,
  webhookSink,
} from '../../../test/support/webhook-receiver.ts';
import { ENDS, until } from '../../../test/support/until.ts';
import type { Outcome } from '../sink.ts';

/** A deadline for what would otherwise never end; nothing is asserted about how long it takes. */
const PROMPT = 10_000;
/** Never aborts: what ends, ends by itself. */
const PATIENT = new AbortController().signal;

/** What becomes of an attempt whose receiver does this once it has read the request. */
async function outcomeWith(answer: (socket: Socket) => void): Promise<Outcome> {
  await using receiver = await RawReceiver.listen(answer);
  await using sink = webhookSink(receiver.url);
  const outcome = await sink.deliver(attempt(), PATIENT);
  assert.equal(receiver.requests, 1, 'the sink tries once');
  return outcome;
}

function codeOf(outcome: Outcome): string {
  return 'error' in outcome ? outcome.error.code : outcome.kind;
}

/** Writes the same bytes until the connection ends or so much is written; returns how much was. */
function flood(socket: Socket, chunk: Buffer, bytes: number): { readonly written: () => number } {
  let handed = 0;
  const more = (): void => {
    while (handed < bytes && !socket.destroyed) {
      handed += chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on('drain', more);
  more();
  return { written: () => socket.bytesWritten };
}

test(
  'a body of 10 GB: the status counts, little is read, the connection is closed',
  ENDS,
  async () => {
    const TEN_GB = 10 * 2 ** 30;
    let written = (): number => 0;
    await using receiver = await RawReceiver.listen((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${TEN_GB}\r\n\r\n`);
      ({ written } = flood(socket, Buffer.alloc(64 << 10, 'a'), TEN_GB));
    });
    await using sink = webhookSink(receiver.url);
    assert.deepEqual(await sink.deliver(attempt(), PATIENT), { kind: 'ack' });
    await until(() => receiver.connections.open === 0, PROMPT, 'the end of the connection');
    // What the system takes into its buffers before anybody reads comes on top of the 64 KB.
    assert.ok(written() < 32 << 20, `${written()} bytes`);
  },
);

test('the same as an error, in chunks without an end: its beginning is kept', ENDS, async () => {
  const chunk = Buffer.from(`4000\r\n${'a'.repeat(0x4000)}\r\n`);
  const outcome = await outcomeWith((socket) => {
    socket.write('HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n');
    flood(socket, chunk, 2 ** 40);
  });
  assert.ok(outcome.kind === 'retry');
  assert.deepEqual(outcome.error.answer, { status: 500, excerpt: `${'a'.repeat(1_000)}…` });
});

test('a byte a second: the status counts soon, and the connection is closed', ENDS, async () => {
  let timer: NodeJS.Timeout | undefined;
  await using receiver = await RawReceiver.listen((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
    timer = setInterval(() => socket.write('a'), 1_000);
    socket.on('close', () => clearInterval(timer));
  });
  await using sink = webhookSink(receiver.url);
  assert.deepEqual(await sink.deliver(attempt(), PATIENT), { kind: 'ack' });
  await until(() => receiver.connections.open === 0, PROMPT, 'the end of the connection');
});

test('a byte a second from the first on: the deadline ends it', ENDS, async () => {
  const deadline = new AbortController();
  let sent = 0;
  await using receiver = await RawReceiver.listen((socket) => {
    const bytes = 'HTTP/1.1 200 OK\r\n';
    const timer = setInterval(() => socket.write(bytes.charAt(sent++)), 50);
    socket.on('close', () => clearInterval(timer));
  });
  await using sink = webhookSink(receiver.url);
  const ending = sink.deliver(attempt(), deadline.signal);
  await until(() => sent > 3);
  deadline.abort();
  assert.equal(codeOf(await ending), 'WEBHOOK_ABORTED');
  await until(() => receiver.connections.open === 0, PROMPT, 'the end of the connection');
});

test('no answer at all: aborted by the signal, and the receiver sees it', ENDS, async () => {
  const deadline = new AbortController();
  await using receiver = await RawReceiver.listen(() => undefined);
  await using sink = webhookSink(receiver.url);
  const ending = sink.deliver(attempt(), deadline.signal);
  await until(() => receiver.requests === 1);
  deadline.abort(new DOMException('late', 'TimeoutError'));
  assert.equal(codeOf(await ending), 'WEBHOOK_ABORTED');
  await until(() => receiver.connections.open === 0, PROMPT, 'the end of the connection');
});

test('with a signal that is aborted already nothing is sent', ENDS, async () => {
  await using receiver = await WebhookReceiver.listen();
  await using sink = webhookSink(receiver.url);
  assert.equal(codeOf(await sink.deliver(attempt(), AbortSignal.abort())), 'WEBHOOK_ABORTED');
  assert.deepEqual(await sink.deliver(attempt(1), PATIENT), { kind: 'ack' });
  assert.equal(receiver.requests.length, 1);
});

test('what is aborted while it waits for a connection is never sent', ENDS, async () => {
  const held: Socket[] = [];
  await using receiver = await RawReceiver.listen((socket) => void held.push(socket));
  await using sink = webhookSink(receiver.url, { connections: 1 });
  const first = sink.deliver(attempt(1), PATIENT);
  await until(() => receiver.requests === 1);
  const stop = new AbortController();
  const second = sink.deliver(attempt(2), stop.signal);
  stop.abort();
  assert.equal(codeOf(await second), 'WEBHOOK_ABORTED');
  const third = sink.deliver(attempt(3), PATIENT);
  const answer = (): unknown => held.pop()?.write('HTTP/1.1 204 No Content\r\n\r\n');
  answer();
  assert.deepEqual(await first, { kind: 'ack' });
  await until(() => receiver.requests === 2);
  answer();
  assert.deepEqual(await third, { kind: 'ack' });
  assert.equal(receiver.requests, 2);
});

const BROKEN: readonly (readonly [name: string, code: string, answer: (socket: Socket) => void])[] =
  [
    ['a reset', 'WEBHOOK_RESET', (socket) => socket.resetAndDestroy()],
    ['a close', 'WEBHOOK_RESET', (socket) => socket.end()],
    ['half a status line', 'WEBHOOK_RESET', (socket) => socket.end('HTTP/1.1 20')],
    ['a status line without an end', 'WEBHOOK_RESET', (socket) => socket.end('HTTP/1.1 200 OK')],
    ['bytes of another protocol', 'WEBHOOK_PROTOCOL', (socket) => socket.end('SSH-2.0-x\r\n\r\n')],
    ['random bytes', 'WEBHOOK_PROTOCOL', (socket) => socket.end(Buffer.alloc(4_000, 0x97))],
    ['a status below 100', 'WEBHOOK_PROTOCOL', (socket) => socket.end('HTTP/1.1 099 X\r\n\r\n')],
  ];

for (const [name, code, answer] of BROKEN) {
  test(`after the request ${name}: tried again`, ENDS, async () => {
    const outcome = await outcomeWith(answer);
    assert.equal(outcome.kind, 'retry');
    assert.equal(codeOf(outcome), code, JSON.stringify(outcome));
  });
}

/** What may stand behind a status line and be no HTTP. */
const AFTER_STATUS: readonly (readonly [name: string, rest: string])[] = [
  ['nothing', ''],
  ['half of the headers', 'x-a: 1'],
  ['a header that is none', 'x a\0: 1\r\n\r\n'],
  ['two lengths', 'content-length: 1\r\ncontent-length: 2\r\n\r\na'],
  ['the same length twice', 'content-length: 1\r\ncontent-length: 1\r\n\r\na'],
  ['a length that is none', 'content-length: much\r\n\r\na'],
  ['length and chunks', 'content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['chunks that are none', 'transfer-encoding: chunked\r\n\r\nzz\r\n'],
  ['an encoding that nobody knows', 'transfer-encoding: own\r\n\r\na'],
  ['a header that goes on in the next line', 'x-a: b\r\n c\r\n\r\n'],
  ['large headers', `x-a: ${'b'.repeat(40_000)}\r\n\r\n`],
  ['headers without an end', `x-a: ${'b'.repeat(8_000)}\r\n`.repeat(100)],
  ['binary', '\x97'.repeat(4_000)],
];

for (const [name, rest] of AFTER_STATUS) {
  test(`behind a whole status line ${name}: only the status counts`, ENDS, async () => {
    for (const [line, expected] of [
      ['HTTP/1.1 200 OK\r\n', 'ack'],
      ['HTTP/1.1 204\r\n', 'ack'],
      ['HTTP/1.1 410 Gone\r\n', 'WEBHOOK_GONE'],
      ['HTTP/1.1 503 Later\r\n', 'WEBHOOK_STATUS'],
    ] as const) {
      const answer = Buffer.from(line + rest, 'latin1');
      assert.equal(codeOf(await outcomeWith((socket) => socket.end(answer))), expected);
    }
  });
}

test(
  'lines may end without a carriage return, and a status line come in pieces',
  ENDS,
  async () => {
    for (const answer of ['HTTP/1.1 200 OK\n\n', 'HTTP/1.1 200\ncontent-length: 0\n\n']) {
      assert.equal(codeOf(await outcomeWith((socket) => socket.end(answer))), 'ack');
    }
    const pieces = await outcomeWith((socket) => {
      socket.write('HTTP/1.1 20', () => socket.end('2 Accepted\r\nx a: 1\r\n\r\n'));
    });
    assert.equal(codeOf(pieces), 'ack');
  },
);

test(
  'an answer counts for its own request, also when the connection is used again',
  ENDS,
  async () => {
    await using receiver = await RawReceiver.listen((socket) => {
      const { requests } = receiver;
      if (requests <= 2) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      else if (requests === 4) socket.end();
      else socket.end('HTTP/1.1 500 Oh\r\nx a: 1\r\n\r\n');
    });
    await using sink = webhookSink(receiver.url, { connections: 1 });
    const codes: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      codes.push(codeOf(await sink.deliver(attempt(index), PATIENT)));
    }
    assert.deepEqual(codes, ['ack', 'ack', 'WEBHOOK_STATUS', 'WEBHOOK_RESET', 'WEBHOOK_STATUS']);
  },
);

test('a change to another protocol is an answer that takes nothing', ENDS, async () => {
  const outcome = await outcomeWith((socket) =>
    socket.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  );
  assert.ok(outcome.kind === 'retry');
  assert.equal(outcome.error.answer?.status, 101);
  assert.match(outcome.error.message, /101 \(Switching Protocols\)/);
});

test('a 100 that nobody asked for is passed over', ENDS, async () => {
  const outcome = await outcomeWith((socket) =>
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'),
  );
  assert.equal(codeOf(outcome), 'ack');
});

test('a body that breaks off changes nothing about the status', ENDS, async () => {
  const start = (status: string): string => `HTTP/1.1 ${status}\r\ncontent-length: 100\r\n\r\nno`;
  assert.equal(codeOf(await outcomeWith((socket) => socket.end(start('200 OK')))), 'ack');
  const failed = await outcomeWith((socket) => {
    socket.write(start('422 No'), () => socket.resetAndDestroy());
  });
  assert.equal(codeOf(failed), 'WEBHOOK_STATUS');
});

test('what is announced before the answer is not the answer', ENDS, async () => {
  const early = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n';
  const outcome = await outcomeWith((socket) => {
    socket.write(early, () => socket.write('HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n'));
  });
  assert.ok(outcome.kind === 'retry');
  assert.equal(outcome.error.answer?.status, 409);
});

test('connections are used again, one after the other', ENDS, async () => {
  await using receiver = await WebhookReceiver.listen();
  receiver.answer = (response) => void response.writeHead(500).end('no '.repeat(2_000));
  await using sink = webhookSink(receiver.url);
  for (let index = 0; index < 20; index += 1) await sink.deliver(attempt(index), PATIENT);
  assert.equal(receiver.requests.length, 20);
  // The next request may begin at the very moment at which the first connection becomes free.
  assert.ok(receiver.connections.total <= 2, String(receiver.connections.total));
});

test('there are never more connections than the limit', ENDS, async () => {
  await using receiver = await WebhookReceiver.listen();
  let waiting = 0;
  let most = 0;
  receiver.answer = (response) => {
    most = Math.max(most, (waiting += 1));
    setTimeout(() => {
      waiting -= 1;
      response.writeHead(204).end();
    }, 2);
  };
  await using sink = webhookSink(receiver.url, { connections: 3 });
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, index) => sink.deliver(attempt(index), PATIENT)),
  );
  assert.ok(outcomes.every(({ kind }) => kind === 'ack'));
  assert.deepEqual([most, receiver.connections.most, receiver.connections.total], [3, 3, 3]);
});

test('a request that hangs holds up no other', ENDS, async () => {
  await using receiver = await WebhookReceiver.listen();
  receiver.answer = (response, { headers }) => {
    if (!String(headers['webhook-id']).endsWith(':0')) response.writeHead(204).end();
  };
  await using sink = webhookSink(receiver.url, { connections: 2 });
  const stop = new AbortController();
  const hanging = sink.deliver(attempt(0), stop.signal);
  for (let index = 1; index <= 20; index += 1) {
    assert.deepEqual(await sink.deliver(attempt(index), PATIENT), { kind: 'ack' });
  }
  stop.abort();
  assert.equal(codeOf(await hanging), 'WEBHOOK_ABORTED');
});

test('a receiver that closes its idle connections costs nothing', ENDS, async () => {
  await using receiver = await RawReceiver.listen((socket) =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'),
  );
  await using sink = webhookSink(receiver.url);
  for (let index = 0; index < 5; index += 1) {
    assert.deepEqual(await sink.deliver(attempt(index), PATIENT), { kind: 'ack' });
  }
  assert.equal(receiver.connections.total, 5);
});

test('closing ends what is under way', ENDS, async () => {
  await using receiver = await RawReceiver.listen(() => undefined);
  const sink = webhookSink(receiver.url);
  const ending = sink.deliver(attempt(), PATIENT);
  await until(() => receiver.requests === 1);
  await sink[Symbol.asyncDispose]();
  assert.equal(codeOf(await ending), 'WEBHOOK_ABORTED');
  await until(() => receiver.connections.open === 0, PROMPT, 'the end of the connection');
});
