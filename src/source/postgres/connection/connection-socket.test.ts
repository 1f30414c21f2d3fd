import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../../../../test/support/until.ts';
import { ReplicationSocket } from './connection-socket.ts';

const MANY = 3 * 1024 * 1024;

interface Pair extends AsyncDisposable {
  readonly socket: ReplicationSocket;
  readonly peer: Socket;
}

async function connected(): Promise<Pair> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = new ReplicationSocket();
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const [peer] = await accepted;
  return {
    socket,
    peer,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      peer.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Bytes that tell where they belong. */
function numbered(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
}

test('who listens before the socket is handed over may keep what it gets', async () => {
  await using pair = await connected();
  const { socket, peer } = pair;
  const kept: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => kept.push(chunk));
  const sent = numbered(MANY);
  peer.write(sent);
  await until(() => kept.reduce((sum, { length }) => sum + length, 0) === MANY);
  assert.ok(Buffer.concat(kept).equals(sent));
});

test('after that every chunk lies in the same memory, however much arrives', async () => {
  await using pair = await connected();
  const { socket, peer } = pair;
  const memory = new Set<ArrayBufferLike>();
  const received: Buffer[] = [];
  let bytes = 0;
  socket.on('data', () => assert.fail('nobody listens any more'));
  socket.removeAllListeners('data');
  socket.handOver((chunk) => {
    memory.add(chunk.buffer);
    received.push(Buffer.from(chunk));
    bytes += chunk.length;
  });
  const sent = numbered(MANY);
  peer.write(sent);
  await until(() => bytes === MANY);
  assert.ok(Buffer.concat(received).equals(sent));
  assert.equal(memory.size, 1);
});

test('a chunk stays as it is while the socket is paused, and nothing is lost', async () => {
  await using pair = await connected();
  const { socket, peer } = pair;
  const sent = numbered(MANY);
  const received: Buffer[] = [];
  let chunks = 0;
  let bytes = 0;
  socket.handOver((chunk) => {
    socket.pause();
    chunks += 1;
    // Taken only when everything else that is due has had its turn.
    const mine = chunks;
    setImmediate(() => {
      assert.equal(chunks, mine);
      received.push(Buffer.from(chunk));
      bytes += chunk.length;
      socket.resume();
    });
  });
  socket.resume();
  peer.write(sent);
  await until(() => bytes === MANY);
  assert.ok(Buffer.concat(received).equals(sent));
});

test('the end of the stream is told, also while nobody listens to data', async () => {
  await using pair = await connected();
  const { socket, peer } = pair;
  let text = '';
  socket.handOver((chunk) => (text += chunk.toString('latin1')));
  socket.resume();
  const closed = once(socket, 'close');
  peer.end('last words');
  await closed;
  assert.equal(text, 'last words');
});
