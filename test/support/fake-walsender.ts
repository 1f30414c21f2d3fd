import { createServer, type AddressInfo, type Socket } from 'node:net';
import { COPY_BOTH, frame, uint16, uint32 } from './pgoutput.ts';

/** A server that says what a test wants: PostgreSQL's handshake, then whatever is written. */
export interface FakeWalsender extends AsyncDisposable {
  readonly url: string;
  /** Resolves when a client has asked to stream. */
  readonly started: Promise<Socket>;
  /** Status updates that have arrived, as positions with their wish for a reply. */
  readonly updates: readonly { readonly position: bigint; readonly reply: boolean }[];
  /** Frames that the client has sent since it began to stream, by type. */
  readonly received: readonly string[];
  /** True once the client has closed the connection. */
  readonly closed: boolean;
}

/** @param options.timeout what it says its `wal_sender_timeout` is, in milliseconds. */
export async function startFakeWalsender(
  options: { readonly timeout?: number; readonly answer?: Buffer } = {},
): Promise<FakeWalsender> {
  const started = Promise.withResolvers<Socket>();
  const updates: { position: bigint; reply: boolean }[] = [];
  const received: string[] = [];
  let closed = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // Clients of these tests break off on purpose.
    socket.on('close', () => {
      closed = true;
    });
    let rest = Buffer.alloc(0);
    let handshake = true;
    let streaming = false;
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const header = handshake ? 0 : 1;
        if (rest.length < header + 4) return;
        const length = header + rest.readUInt32BE(header);
        if (rest.length < length) return;
        const message = rest.subarray(0, length);
        rest = rest.subarray(length);
        if (handshake) {
          handshake = false;
          socket.write(READY);
        } else if (streaming) {
          received.push(String.fromCharCode(message[0] ?? 0));
          if (message[0] === 0x64 && message[5] === 0x72) {
            updates.push({ position: message.readBigUInt64BE(6), reply: message[38] === 1 });
          }
        } else if (message.toString('utf8', 5).startsWith('START_REPLICATION')) {
          streaming = true;
          socket.write(options.answer ?? COPY_BOTH);
          started.resolve(socket);
        } else if (message.toString('utf8', 5).includes('"arrived"')) {
          socket.write(row('arrived', 'on'));
        } else socket.write(row('timeout', String(options.timeout ?? 60_000)));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://nobody@127.0.0.1:${port}/nowhere`,
    started: started.promise,
    updates,
    received,
    get closed() {
      return closed;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const READY_FOR_QUERY = frame('Z', Buffer.from('I'));
/** AuthenticationOk, BackendKeyData, ReadyForQuery. */
const READY = Buffer.concat([frame('R', uint32(0)), frame('K', Buffer.alloc(8)), READY_FOR_QUERY]);

/** The answer to a query with one text in one column. */
function row(name: string, value: string): Buffer {
  const type = [uint32(25), uint16(0xffff), uint32(-1), uint16(0)];
  const column = Buffer.concat([Buffer.from(`${name}\0`), uint32(0), uint16(0), ...type]);
  return Buffer.concat([
    frame('T', Buffer.concat([uint16(1), column])),
    frame('D', Buffer.concat([uint16(1), uint32(value.length), Buffer.from(value)])),
    frame('C', Buffer.from('SELECT 1\0')),
    READY_FOR_QUERY,
  ]);
}
