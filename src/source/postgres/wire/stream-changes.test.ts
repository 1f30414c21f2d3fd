import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { type FakeWalsender, startFakeWalsender } from '../../../../test/support/fake-walsender.ts';
import { fixedCatalog } from '../../../../test/support/fixed-catalog.ts';
import * as pgoutput from '../../../../test/support/pgoutput.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import { streamChanges, type StreamChangesOptions } from './stream-changes.ts';

const COLUMNS = [{ name: 'id', flagged: true }, { name: 'a' }];
const RELATION = pgoutput.xlogData(pgoutput.relation({ columns: COLUMNS }));
/** Of identity full: the catalogue is asked for its key. */
const UNKNOWN = pgoutput.xlogData(
  pgoutput.relation({
    columns: COLUMNS.map((column) => ({ ...column, flagged: true })),
    identity: 'f',
  }),
);
const BEGIN = pgoutput.xlogData(pgoutput.begin(0x10n, 700));
const COMMIT = pgoutput.xlogData(pgoutput.commit(0x10n, 0x20n));
const insert = (id: number): Buffer => pgoutput.xlogData(pgoutput.insert(1, [String(id), 'x']));

interface Stream {
  readonly receiver: RecordingReceiver;
  readonly abort: AbortController;
  /** What the stream ended with: an error, or null. */
  readonly end: Promise<unknown>;
}

function stream(
  url: string,
  options: Partial<StreamChangesOptions> & { readonly ready?: () => Promise<unknown> } = {},
): Stream {
  const receiver = new RecordingReceiver();
  const abort = new AbortController();
  const end = streamChanges({
    onPassedOver: () => undefined,
    unconverted: { query: () => Promise.resolve([]), onUnreadable: () => undefined },
    source: 'main',
    url,
    slot: 'tidings',
    publications: ['tidings'],
    from: null,
    receiver,
    acknowledged: () => null,
    catalog: fixedCatalog({
      key: ['id'],
      ...(options.ready === undefined ? {} : { ready: options.ready }),
    }),
    signal: abort.signal,
    ...options,
  }).then(
    () => null,
    (error: unknown) => error,
  );
  return { receiver, abort, end };
}

async function streaming(
  options: Parameters<typeof stream>[1] = {},
  server: Parameters<typeof startFakeWalsender>[0] = {},
): Promise<Stream & AsyncDisposable & { server: FakeWalsender; send(...parts: Buffer[]): void }> {
  const walsender = await startFakeWalsender(server);
  const running = stream(walsender.url, options);
  const socket = await walsender.started;
  await until(() => running.receiver.streams === 1);
  return {
    ...running,
    server: walsender,
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    async [Symbol.asyncDispose]() {
      running.abort.abort();
      await running.end;
      await walsender[Symbol.asyncDispose]();
    },
  };
}

function assertCode(error: unknown, code: string, message = /./): void {
  assert.ok(isTidingsError(error), String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
}

describe('ends', () => {
  test('malformed data: a coded error with the place, and the open transaction is abandoned', async () => {
    await using run = await streaming();
    const before = [RELATION, BEGIN, insert(1)];
    run.send(...before, pgoutput.xlogData(Buffer.from('?')), insert(2), COMMIT);
    const place = Buffer.concat([pgoutput.COPY_BOTH, ...before]).length + 5 + 25;
    assertCode(await run.end, 'PROTOCOL_ERROR', new RegExp(`byte ${place} .*0x3f`));
    assert.deepEqual([run.receiver.abandoned, run.receiver.transactions.length], [1, 0]);
    await until(() => run.server.closed);
  });

  test('the server closes: a retryable error, and the open transaction is abandoned', async () => {
    await using run = await streaming();
    run.send(RELATION, BEGIN, insert(1));
    await until(() => run.receiver.open);
    (await run.server.started).end();
    const error = await run.end;
    assertCode(error, 'SOURCE_DISCONNECTED');
    assert.ok(isTidingsError(error) && error.retryable);
    assert.equal(run.receiver.abandoned, 1);
  });

  test('the server ends the stream in order, as it does when it shuts down', async () => {
    await using run = await streaming();
    run.send(pgoutput.frame('C', Buffer.from('COPY 0\0')));
    assertCode(await run.end, 'SOURCE_DISCONNECTED');
  });

  test('a warning that a publication is missing: the server would go on without its changes', async () => {
    await using run = await streaming();
    const fields = { C: '55000', M: 'skipped loading publication "x"', R: 'LoadPublications' };
    const error = pgoutput.errorResponse(fields);
    run.send(pgoutput.frame('N', pgoutput.errorResponse({ C: '01000', M: 'hm' }).subarray(5)));
    run.send(RELATION, BEGIN, pgoutput.frame('N', error.subarray(5)), insert(1), COMMIT);
    assertCode(await run.end, 'PUBLICATION_LOST', /Publication x /);
    assert.deepEqual([run.receiver.abandoned, run.receiver.transactions.length], [1, 0]);
  });

  test('an error of the receiver is the stream’s error', async () => {
    await using run = await streaming();
    const defect = new Error('cannot append');
    run.receiver.onChange = () => {
      throw defect;
    };
    run.send(RELATION, BEGIN, insert(1), COMMIT);
    assert.equal(await run.end, defect);
    assert.equal(run.receiver.abandoned, 1);
  });

  const CALLBACK = 'slot "s", output plugin "pgoutput", in the change callback, LSN 0/1';
  const responses: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['SLOT_MISSING', { C: '42704', M: 'no slot', R: 'ReplicationSlotAcquire' }],
    ['PUBLICATION_LOST', { C: '42704', M: 'no "publication"', R: 'get_publication_oid' }],
    ['SLOT_IN_USE', { C: '55006', M: 'slot is active for PID 42', R: 'ReplicationSlotAcquire' }],
    ['SLOT_INVALIDATED', { C: '55000', M: 'nicht mehr', R: 'ReplicationSlotAcquire' }],
    ['SLOT_INVALIDATED', { C: '55000', M: 'can no longer get changes from replication slot "x"' }],
    ['SLOT_INVALIDATED', { C: '58P01', M: 'requested WAL segment has already been removed' }],
    ['SOURCE_REFUSED', { C: '55000', M: 'logical decoding requires wal_level >= logical' }],
    ['SOURCE_REFUSED', { C: '42501', M: 'permission denied to start WAL sender' }],
    ['SOURCE_REFUSED', { C: '22021', M: 'invalid byte sequence for encoding "UTF8": 0xff' }],
    ['SOURCE_UNREADABLE', { C: '22P05', M: 'has no equivalent in "UTF8"', W: CALLBACK }],
    // A bytea of more than half a gigabyte: its text would be larger than a message can be.
    [
      'SOURCE_UNREADABLE',
      { C: 'XX000', M: 'invalid memory alloc request size', R: 'palloc', W: CALLBACK },
    ],
    [
      'SOURCE_UNREADABLE',
      { C: '54000', M: 'string buffer exceeds maximum', R: 'enlargeStringInfo', W: CALLBACK },
    ],
    ['SOURCE_FAILED', { C: 'XX000', M: 'could not open relation', R: 'x', W: CALLBACK }],
    ['SOURCE_DISCONNECTED', { C: '57P01', M: 'terminating connection' }],
    ['SOURCE_FAILED', { C: 'XX000', M: 'invalid memory alloc request size' }],
    ['SOURCE_FAILED', { C: '53200', M: 'out of memory', D: 'Failed on request of size 42.' }],
  ];
  for (const [code, fields] of responses) {
    test(`the server answers ${fields['C']} "${fields['M']}": ${code}`, async () => {
      await using server = await startFakeWalsender({ answer: pgoutput.errorResponse(fields) });
      const run = stream(server.url);
      const error = await run.end;
      assertCode(error, code);
      assert.ok(error instanceof Error && error.cause instanceof Error, 'has its cause');
      assert.equal(run.receiver.streams, 0);
    });
  }

  test('a server that cannot be reached', async () => {
    await using server = await startFakeWalsender();
    const { url } = server;
    await server[Symbol.asyncDispose]();
    assertCode(await stream(url).end, 'SOURCE_UNREACHABLE');
  });
});

describe('backpressure', () => {
  test('nothing is handed over while the receiver makes it wait', async () => {
    await using run = await streaming({}, { timeout: 200 });
    const gate = Promise.withResolvers<void>();
    run.receiver.onBurst = () =>
      run.receiver.transactions.length === 1 ? gate.promise : undefined;
    run.send(RELATION, BEGIN, insert(1), COMMIT);
    await until(() => run.receiver.transactions.length === 1);
    run.send(BEGIN, insert(2), COMMIT);
    // The server gets an answer to this only when something is read, and nothing is.
    run.send(pgoutput.keepalive(0x30n, true));
    const updates = run.server.updates.length;
    await until(() => run.server.updates.length > updates + 1);
    assert.equal(run.receiver.transactions.length, 1);
    gate.resolve();
    await until(() => run.receiver.transactions.length === 2);
    await until(() => run.receiver.idles.at(-1) === '0000000000000030');
  });

  test('a burst that rejects ends the stream with its error', async () => {
    await using run = await streaming();
    const full = new Error('the disk is full');
    run.receiver.onBurst = () =>
      run.receiver.transactions.length === 1 ? Promise.reject(full) : undefined;
    run.send(RELATION, BEGIN, insert(1), COMMIT);
    assert.equal(await run.end, full);
  });

  test('while the catalogue is asked nothing is handed over, and the order stays', async () => {
    const answer = Promise.withResolvers<readonly object[]>();
    await using run = await streaming({ ready: () => answer.promise });
    run.send(UNKNOWN, BEGIN, insert(1), insert(2), COMMIT, pgoutput.keepalive(0x20n));
    await until(() => run.receiver.open);
    run.send(pgoutput.keepalive(0x30n));
    assert.deepEqual([run.receiver.tables.length, run.receiver.transactions.length], [0, 0]);
    answer.resolve([{ key: ['id'], partitions_full: null }]);
    await until(() => run.receiver.idles.at(-1) === '0000000000000030');
    assert.deepEqual(
      run.receiver.changes.map(({ key }) => key),
      ['1', '2'],
    );
  });

  test('an error of the catalogue ends the stream', async () => {
    const gone = new Error('the catalogue is gone');
    await using run = await streaming({ ready: () => Promise.reject(gone) });
    run.send(UNKNOWN, BEGIN, insert(1), COMMIT);
    assert.equal(await run.end, gone);
    assert.equal(run.receiver.abandoned, 1);
  });
});

describe('feedback', () => {
  test('says what was acknowledged and nothing else, whatever has arrived', async () => {
    let acknowledged: string | null = null;
    await using run = await streaming({ acknowledged: () => acknowledged }, { timeout: 200 });
    run.send(RELATION, BEGIN, insert(1), COMMIT, pgoutput.keepalive(0x40n, true));
    await until(() => run.server.updates.length > 0);
    assert.equal(run.server.updates.at(-1)?.position, 0n);
    acknowledged = '0000000000000020';
    await until(() => run.server.updates.at(-1)?.position === 0x20n);
    acknowledged = '0000000000000010';
    const count = run.server.updates.length;
    run.send(pgoutput.keepalive(0x50n, true));
    await until(() => run.server.updates.length > count);
    assert.equal(run.server.updates.at(-1)?.position, 0x20n, 'never goes back');
  });

  test('answers a server that asks again and again, and not as often', async () => {
    await using run = await streaming();
    let position = 0n;
    let questions = 0;
    for (let round = 0; round < 5; round++) {
      const before = run.server.updates.length;
      for (let question = 0; question < 100; question++) {
        run.send(pgoutput.keepalive(++position, true));
        questions += 1;
      }
      await until(() => run.server.updates.length > before);
    }
    assert.ok(run.server.updates.length < questions / 10, `${run.server.updates.length} answers`);
  });

  test('goes on while the receiver makes the source wait', async () => {
    await using run = await streaming({ acknowledged: () => '0000000000000007' }, { timeout: 100 });
    run.receiver.onBurst = () =>
      run.receiver.transactions.length === 1 ? new Promise(() => undefined) : undefined;
    run.send(RELATION, BEGIN, insert(1), COMMIT);
    await until(() => run.receiver.transactions.length === 1);
    const count = run.server.updates.length;
    // Four timeouts, and the server has said nothing: the silence is ours, so it does not end either.
    await until(() => run.server.updates.length > count + 16);
    run.abort.abort();
    assert.equal(await run.end, null);
  });

  test('asks a silent server to answer, and gives up when it does not', async () => {
    await using run = await streaming({}, { timeout: 100 });
    const error = await run.end;
    assertCode(error, 'SOURCE_DISCONNECTED', /silent/);
    assert.ok(run.server.updates.some((update) => update.reply));
  });

  test('a server that answers is not silent', async () => {
    // Long enough that a busy machine answers in time.
    await using run = await streaming({}, { timeout: 1_500 });
    let answers = 0;
    const poll = setInterval(() => {
      const asked = run.server.updates.filter((update) => update.reply).length;
      if (asked <= answers) return;
      answers = asked;
      run.send(pgoutput.keepalive(BigInt(asked)));
    }, 5);
    await until(() => answers === 2);
    clearInterval(poll);
    assert.equal(run.receiver.idles.length > 0, true);
  });
});

describe('abort', () => {
  const within = async (run: Stream): Promise<void> => {
    run.abort.abort();
    assert.equal(await run.end, null);
  };

  test('before the start', async () => {
    const abort = new AbortController();
    abort.abort();
    const run = stream('postgres://nobody@127.0.0.1:1/nowhere', { signal: abort.signal });
    assert.equal(await run.end, null);
  });

  test('while connecting to a server that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const run = stream(`postgres://nobody@127.0.0.1:${port}/nowhere`);
    await new Promise((resolve) => silent.once('connection', resolve));
    await within(run);
    await new Promise((resolve) => silent.close(resolve));
  });

  test('before the server has begun to stream', async () => {
    await using server = await startFakeWalsender({ answer: Buffer.alloc(0) });
    const run = stream(server.url);
    await server.started;
    await within(run);
    await until(() => server.closed);
  });

  test('while idle: says what is durable, and goodbye', async () => {
    await using run = await streaming({ acknowledged: () => '0000000000000007' });
    await within(run);
    await until(() => run.server.closed);
    assert.deepEqual(run.server.received.slice(-3), ['d', 'c', 'X']);
    assert.equal(run.server.updates.at(-1)?.position, 7n);
  });

  test('in a transaction, which is abandoned', async () => {
    await using run = await streaming();
    run.send(RELATION, BEGIN, insert(1));
    await until(() => run.receiver.open);
    await within(run);
    assert.equal(run.receiver.abandoned, 1);
  });

  test('from within the receiver: nothing comes after it', async () => {
    await using run = await streaming();
    let changes = 0;
    run.receiver.onChange = () => {
      changes += 1;
      run.abort.abort();
    };
    run.send(RELATION, BEGIN, insert(1), insert(2), COMMIT);
    assert.equal(await run.end, null);
    assert.deepEqual([changes, run.receiver.abandoned], [1, 1]);
  });

  test('while the receiver makes the source wait', async () => {
    await using run = await streaming();
    run.receiver.onBurst = () =>
      run.receiver.transactions.length === 1 ? new Promise(() => undefined) : undefined;
    run.send(RELATION, BEGIN, insert(1), COMMIT);
    await until(() => run.receiver.transactions.length === 1);
    await within(run);
    await until(() => run.server.closed);
  });

  test('while the catalogue is asked; its late answer reaches nobody', async () => {
    const answer = Promise.withResolvers<readonly object[]>();
    await using run = await streaming({ ready: () => answer.promise });
    run.send(UNKNOWN, BEGIN, insert(1), COMMIT);
    await until(() => run.receiver.open);
    await within(run);
    answer.resolve([]);
    await answer.promise;
    await new Promise(setImmediate);
    assert.deepEqual([run.receiver.tables.length, run.receiver.abandoned], [0, 1]);
  });
});
