import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CapturedChange, TransactionEnd } from '../change/captured.ts';
import type { MarkFound, TableMark } from '../change/mark.ts';
import { decodeImages } from '../change/row-images.ts';
import type { TableDefinition } from '../change/table.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { sleep } from '../util/sleep.ts';
import type { ChangeReceiver, Source, StreamOptions } from './source.ts';

/** A database for one test, and a source that captures its table `notes (id, body)`. */
export interface SourceUnderTest extends AsyncDisposable {
  readonly source: Source;
  /** Runs in one transaction: rows to insert, update or delete by id. */
  write(changes: readonly WrittenChange[]): Promise<void>;
  /** Begins a transaction that has written and not committed; the returned function commits it. */
  writeOpen(id: number): Promise<() => Promise<void>>;
}

export type WrittenChange =
  | { readonly insert: number; readonly body: string }
  | { readonly update: number; readonly body: string }
  | { readonly delete: number };

/** What a stream handed over, in order. */
interface Received {
  readonly transactionId: string;
  readonly position: string;
  readonly changes: {
    readonly operation: string;
    readonly key: string | null;
    readonly body: string | null;
  }[];
  reached: string;
  end: TransactionEnd | null;
}

/** Records what it gets; `skip` names positions that it says it has already. */
class Recorder implements ChangeReceiver {
  readonly received: Received[] = [];
  readonly tables: TableDefinition[] = [];
  readonly skip = new Set<string>();
  streams = 0;
  abandoned = 0;
  /** What `burst` answers; lets a test hold the source back. */
  hold: Promise<void> | undefined;
  #open: Received | null = null;

  streaming(): void {
    this.streams += 1;
  }

  table(definition: TableDefinition): number {
    this.tables.push(definition);
    return this.tables.length - 1;
  }

  begin({ id, position }: { readonly id: string; readonly position: string }): boolean {
    assert.equal(this.#open, null, 'transactions do not interleave');
    if (this.skip.has(position)) return false;
    this.#open = { transactionId: id, position, changes: [], reached: '', end: null };
    return true;
  }

  change({ operation, key, images }: CapturedChange): void {
    assert.ok(this.#open, 'a change belongs to a transaction');
    const { after } = decodeImages(images);
    this.#open.changes.push({ operation, key, body: after?.[1] ?? null });
  }

  mark(_mark: TableMark, found?: MarkFound): void {
    assert.equal(this.#open === null, found !== undefined, 'a mark has its place');
  }

  lost(): void {
    assert.equal(this.#open, null, 'a loss lies between transactions');
  }

  commit(end: TransactionEnd, reached: string): void {
    assert.ok(this.#open, 'a commit ends a transaction');
    this.#open.end = end;
    this.#open.reached = reached;
    if (this.#open.changes.length > 0) this.received.push(this.#open);
    this.#open = null;
  }

  abandon(): void {
    this.abandoned += 1;
    this.#open = null;
  }

  idle(): void {
    assert.equal(this.#open, null, 'the server is idle between transactions only');
  }

  burst(): Promise<void> | undefined {
    // A keepalive is a burst too; what counts here is what follows a change.
    return this.received.length > 0 ? this.hold : undefined;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'the condition did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Streams until the test has seen enough; the stream has ended when it resolves. */
async function streaming(
  source: Source,
  from: string | null,
  see: (recorder: Recorder) => Promise<void>,
  recorder = new Recorder(),
): Promise<Recorder> {
  const stop = new AbortController();
  const stream = streamOnceFree(source, { from, receiver: recorder, signal: stop.signal });
  const failed = stream.then(() => new Promise<never>(() => undefined));
  await Promise.race([until(() => recorder.streams === 1).then(() => see(recorder)), failed]);
  stop.abort();
  await stream;
  return recorder;
}

/** The server may take a moment to notice that the stream before has ended, as capture knows. */
async function streamOnceFree(source: Source, options: StreamOptions): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await source.stream(options);
      return;
    } catch (error) {
      if (!isTidingsError(error, 'SLOT_IN_USE') || Date.now() > deadline) throw error;
      await sleep(20, options.signal);
    }
  }
}

/**
 * What every source has to keep, whatever its database.
 * @param open makes a database with an empty table `notes (id, body)` that has a key and full row
 *   identity, and a source for it on which nothing was called yet.
 */
export function describeSource(name: string, open: () => Promise<SourceUnderTest>): void {
  const signal = AbortSignal.timeout(120_000);

  test(`${name}: a table is described with the types of its values`, async () => {
    await using database = await open();
    const { source } = database;
    const relations = await source.relations(null, signal);
    const notes = relations.filter((relation) => relation.name === 'notes');
    const schema = notes[0]?.schema ?? '';
    const described = await source.describe([...notes, { schema, name: 'none' }], signal);
    assert.deepEqual(described, [
      {
        schema,
        name: 'notes',
        comment: null,
        key: ['id'],
        columns: [
          { name: 'id', nullable: false, form: { types: ['number'], array: false } },
          { name: 'body', nullable: true, form: { types: ['string'], array: false } },
        ].map((column) => ({ ...column, leftOut: false, comment: null })),
      },
    ]);
  });

  test(`${name}: transactions come whole, in order, with growing positions`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    await source.setUp(signal, { slot: 'create' });
    const { received, tables } = await streaming(source, null, async (recorder) => {
      await database.write([
        { insert: 1, body: 'a' },
        { insert: 2, body: 'b' },
      ]);
      await database.write([{ update: 1, body: 'c' }, { delete: 2 }]);
      await until(() => recorder.received.length === 2);
    });
    assert.deepEqual(
      received.map(({ changes }) => changes),
      [
        [
          { operation: 'insert', key: '1', body: 'a' },
          { operation: 'insert', key: '2', body: 'b' },
        ],
        [
          { operation: 'update', key: '1', body: 'c' },
          { operation: 'delete', key: '2', body: null },
        ],
      ],
    );
    const [first, second] = received;
    assert.ok(first !== undefined && second !== undefined);
    assert.ok(first.position < second.position, 'positions sort in commit order');
    assert.ok(first.reached >= first.position && second.reached > first.reached);
    assert.notEqual(first.transactionId, second.transactionId);
    const age = Date.now() * 1000 - (second.end?.committedAt ?? 0);
    assert.ok(Math.abs(age) < 60e6, 'the commit time is the time of the commit');
    assert.deepEqual(
      tables[0]?.columns.map((column) => column.name),
      ['id', 'body'],
    );
    assert.deepEqual(tables[0]?.key, [0]);
    assert.equal(tables[0]?.dialect, source.dialect.name);
  });

  test(`${name}: what was not acknowledged comes again, the same (invariants 1 and 7)`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    const first = await streaming(source, null, async (recorder) => {
      await database.write([{ insert: 1, body: 'a' }]);
      await until(() => recorder.received.length === 1);
    });
    const again = await streaming(source, null, (recorder) =>
      until(() => recorder.received.length === 1),
    );
    assert.deepEqual(again.received, first.received);
  });

  test(`${name}: a transaction that the log has is skipped whole (invariant 3)`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    const first = await streaming(source, null, async (recorder) => {
      await database.write([{ insert: 1, body: 'a' }]);
      await until(() => recorder.received.length === 1);
    });
    const recorder = new Recorder();
    recorder.skip.add(first.received[0]?.position ?? '');
    await streaming(
      source,
      null,
      async () => {
        await database.write([{ insert: 2, body: 'b' }]);
        await until(() => recorder.received.length === 1);
      },
      recorder,
    );
    assert.deepEqual(recorder.received[0]?.changes, [{ operation: 'insert', key: '2', body: 'b' }]);
  });

  test(`${name}: a receiver that asks to wait is not sent more until it is ready`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    const recorder = new Recorder();
    await streaming(
      source,
      null,
      async () => {
        const { promise, resolve } = Promise.withResolvers<void>();
        recorder.hold = promise;
        await database.write([{ insert: 1, body: 'a' }]);
        await until(() => recorder.received.length === 1);
        await database.write([{ insert: 2, body: 'b' }]);
        // Long enough for it to have come, had the source not waited.
        const { head } = await source.status(signal);
        assert.ok(head !== null);
        assert.equal(recorder.received.length, 1);
        recorder.hold = undefined;
        resolve();
        await until(() => recorder.received.length === 2);
      },
      recorder,
    );
  });

  test(`${name}: abort ends an idle stream, and a second one can follow`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    const recorder = await streaming(source, null, () => Promise.resolve());
    assert.equal(recorder.streams, 1);
    assert.equal((await streaming(source, null, () => Promise.resolve())).streams, 1);
  });

  test(`${name}: a snapshot tells what a fresh read sees (invariant 4)`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    await streaming(source, null, async (recorder) => {
      const commit = await database.writeOpen(1);
      const during = await source.visibility(signal);
      await commit();
      await until(() => recorder.received.length === 1);
      const id = recorder.received[0]?.transactionId ?? '';
      assert.ok(!during.visible(id), 'it was not visible while it was open');
      assert.ok((await source.visibility(signal)).visible(id), 'it is visible after its commit');
    });
  });

  test(`${name}: says who it is, how it does, and what it needs`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    assert.equal(await source.identify(signal), await source.identify(signal));
    const status = await source.status(signal);
    assert.ok(status.head !== null && status.retainedBytes !== null);
    const failed = (await source.check(signal)).filter(({ status }) => status === 'failed');
    assert.deepEqual(failed, []);
  });

  test(`${name}: a restart begins at the present, and removal leaves nothing to remove`, async () => {
    await using database = await open();
    const { source } = database;
    await source.setUp(signal, { slot: 'create' });
    await database.write([{ insert: 1, body: 'lost on purpose' }]);
    const from = await source.restart(signal);
    const { received } = await streaming(source, from, async (recorder) => {
      await database.write([{ insert: 2, body: 'b' }]);
      await until(() => recorder.received.length === 1);
    });
    assert.deepEqual(received[0]?.changes, [{ operation: 'insert', key: '2', body: 'b' }]);
    assert.ok((received[0]?.position ?? '') >= from);
    assert.ok((await source.tearDown(signal)).length > 0);
    assert.deepEqual(await source.tearDown(signal), []);
  });
}
