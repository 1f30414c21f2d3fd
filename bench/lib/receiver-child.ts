/**
 * A webhook receiver that answers 204 to everything as fast as it can, and remembers what it got. It
 * looks into requests only when it is asked, after the clock has stopped.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { answerQuestions } from './lasting-child.ts';
import { readReceipts, type Receipts } from './receipts.ts';
import { headerOf, type RawRequest, RequestReader } from './request-reader.ts';

const NO_CONTENT = 'HTTP/1.1 204 No Content\r\n\r\n';
const SLAB_BYTES = 16 * 1024 * 1024;
const SENT_AT = Buffer.from('"sent_at":');

/**
 * What is remembered of a request: all of it, or only its id, its path, and how long after its
 * `sent_at` it came. The second is for more requests than memory holds.
 */
export type Remember = 'requests' | 'delays';

let remember: Remember = 'requests';
let received = 0;
let bytes = 0;
let times: number[] = [];
let requests: Buffer[] = [];
let delays: number[] = [];
let idsByPath = new Map<string, Set<string>>();
let slab = Buffer.alloc(0);
let used = 0;
let awaited: { readonly count: number; readonly resolve: () => void } | null = null;

const now = (): number => performance.timeOrigin + performance.now();

function take(request: RawRequest): void {
  received += 1;
  bytes += request.bytes.length - request.bodyAt;
  times.push(now());
  if (remember === 'requests') requests.push(keep(request.bytes));
  else measure(request);
  if (awaited !== null && received >= awaited.count) awaited.resolve();
}

/** A copy in large pieces of memory: hundreds of thousands of small buffers would cost more. */
function keep(request: Buffer): Buffer {
  if (used + request.length > slab.length) {
    slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, request.length));
    used = 0;
  }
  request.copy(slab, used);
  const kept = slab.subarray(used, used + request.length);
  used += request.length;
  return kept;
}

function measure({ bytes, bodyAt }: RawRequest): void {
  const at = bytes.indexOf(SENT_AT, bodyAt);
  if (at === -1) throw new Error(`a change without sent_at: ${bytes.toString('latin1')}`);
  const from = at + SENT_AT.length;
  const sentAt = bytes.toString('latin1', from, from + 24).replace('"', '');
  delays.push(now() - Number.parseFloat(sentAt));
  const head = bytes.toString('latin1', 0, bodyAt);
  const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/'));
  let ids = idsByPath.get(path);
  if (ids === undefined) idsByPath.set(path, (ids = new Set()));
  ids.add(headerOf(head, 'webhook-id') ?? '');
}

function serve(socket: Socket): void {
  const reader = new RequestReader((request) => {
    take(request);
    socket.write(NO_CONTENT);
  });
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => reader.read(chunk));
  socket.on('error', () => socket.destroy()); // A sender that ends; what it sent has been counted.
}

async function listen(): Promise<number> {
  const server = createServer(serve);
  server.listen(0, '127.0.0.1', 4_096);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const answers = {
  /** Listens on so many ports. */
  listen: ({ ports }: { readonly ports: number }): Promise<readonly number[]> =>
    Promise.all(Array.from({ length: ports }, listen)),
  /** Forgets everything so far. */
  begin: async (what: Remember): Promise<void> => {
    remember = what;
    received = 0;
    bytes = 0;
    times = [];
    requests = [];
    delays = [];
    idsByPath = new Map();
    slab = Buffer.alloc(0);
    used = 0;
  },
  received: async (): Promise<number> => received,
  /** Resolves as soon as so many requests have come, or with false after the time. */
  reached: ({ count, timeout }: { readonly count: number; readonly timeout: number }) => {
    if (received >= count) return Promise.resolve(true);
    return new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => {
        awaited = null;
        resolve(false);
      }, timeout);
      awaited = {
        count,
        resolve: () => {
          awaited = null;
          clearTimeout(timer);
          resolve(true);
        },
      };
    });
  },
  /** When each request came, milliseconds since 1970, and the mean size of their bodies. */
  times: async (): Promise<{ readonly times: Float64Array; readonly bodyBytes: number }> => ({
    times: Float64Array.from(times),
    bodyBytes: bytes / Math.max(1, received),
  }),
  /** Delays in milliseconds, sorted. */
  delays: async (): Promise<Float64Array> => Float64Array.from(delays).sort(),
  /** How many different ids each path got. */
  idsByPath: async (): Promise<ReadonlyMap<string, number>> =>
    new Map(Array.from(idsByPath, ([path, ids]) => [path, ids.size])),
  /** What was in the requests, their signatures checked. */
  receipts: async ({ secret }: { readonly secret: string }): Promise<Receipts> =>
    readReceipts(requests, secret),
};

export type ReceiverAnswers = typeof answers;

answerQuestions(answers);
