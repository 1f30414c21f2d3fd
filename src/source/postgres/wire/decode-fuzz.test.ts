import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fixedCatalog } from '../../../../test/support/fixed-catalog.ts';
import * as pgoutput from '../../../../test/support/pgoutput.ts';
import {
  type RecordedTransaction,
  RecordingReceiver,
} from '../../../../test/support/recording-receiver.ts';
import { bytesOf, MalformedData } from './decode-bytes.ts';
import { StreamDecoder } from './decode-stream.ts';
import { FrameReader } from './frame-reader.ts';
import { RelationTable } from '../relation/relation-table.ts';

/** Frames and decoder together, as `streamChanges` puts them together. */
class Pipeline {
  readonly receiver = new RecordingReceiver();
  readonly #frames = new FrameReader();
  readonly #relations: RelationTable;
  readonly #decoder: StreamDecoder;

  constructor() {
    const { receiver } = this;
    const relations = new RelationTable(receiver, fixedCatalog({ key: ['id'] }));
    this.#relations = relations;
    this.#decoder = new StreamDecoder({ source: 'main', receiver, relations, from: null });
    this.receiver.checksOrder = false;
  }

  async push(chunk: Buffer): Promise<void> {
    this.#frames.push(chunk);
    while (
      !this.#frames.read({ frame: (_type, body, start, end) => this.#frame(body, start, end) })
    ) {
      await this.#relations.lookUp(new AbortController().signal);
    }
  }

  async message(message: Buffer): Promise<void> {
    while (!this.#decoder.message(bytesOf(message), 0, message.length)) {
      await this.#relations.lookUp(new AbortController().signal);
    }
  }

  #frame(body: Parameters<StreamDecoder['message']>[0], start: number, end: number): boolean {
    return this.#decoder.message(body, start + 25, end);
  }
}

const cell: fc.Arbitrary<pgoutput.Cell> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constant(null),
  fc.constant(undefined),
);
const row = fc.tuple(fc.string({ maxLength: 30 }), cell, cell);
const old = fc.record({ marker: fc.constantFrom('K', 'O'), row });
const change = fc.oneof(
  row.map((cells) => pgoutput.insert(1, cells)),
  fc
    .tuple(row, fc.option(old, { nil: undefined }))
    .map(([cells, before]) => pgoutput.update(1, cells, before)),
  old.map((before) => pgoutput.remove(1, before)),
  fc.constant(pgoutput.truncate(1)),
  fc.json().map((text) => pgoutput.message('tidings', text)),
  fc.constant(pgoutput.origin('elsewhere')),
);
const columns = [{ name: 'id', flagged: true }, { name: 'a' }, { name: 'b', type: 99_999 }];
const relation = fc
  .constantFrom('d', 'f', 'i', 'n')
  .map((identity) => pgoutput.relation({ columns, identity }));
/** Valid messages: a relation, then transactions. */
const messages = fc
  .tuple(relation, fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 4 }))
  .map(([first, transactions]) => [
    pgoutput.type(99_999, 'public', 'mood'),
    first,
    ...transactions.flatMap((changes, at) => [
      pgoutput.begin(BigInt(at * 100 + 10), 700 + at),
      ...changes,
      pgoutput.commit(BigInt(at * 100 + 10), BigInt(at * 100 + 20)),
    ]),
  ]);

async function transactionsOf(chunks: readonly Buffer[]): Promise<readonly RecordedTransaction[]> {
  const pipeline = new Pipeline();
  for (const chunk of chunks) await pipeline.push(chunk);
  return pipeline.receiver.transactions;
}

async function onlyMalformed(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    assert.ok(Number.isSafeInteger(error.at) && error.at >= 0);
  }
}

test('the result does not depend on where the chunks end', async () => {
  const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(messages, places, async (list, cuts) => {
      const all = Buffer.concat(list.map(pgoutput.xlogData));
      const ends = [...cuts.map((cut) => Math.floor(cut * all.length)), all.length];
      let start = 0;
      const chunks = ends
        .sort((a, b) => a - b)
        .map((end) => Buffer.from(all.subarray(start, (start = end))));
      assert.deepEqual(await transactionsOf(chunks), await transactionsOf([all]));
    }),
    { numRuns: 300 },
  );
});

test('a message that is cut off anywhere is refused', async () => {
  await fc.assert(
    fc.asyncProperty(relation, change, async (first, cutOff) => {
      for (let length = 0; length < cutOff.length; length++) {
        const pipeline = new Pipeline();
        await pipeline.message(first);
        await pipeline.message(pgoutput.begin(1n, 1));
        // Nobody looks into an origin.
        if (cutOff[0] === 0x4f && length > 0) continue;
        await assert.rejects(pipeline.message(cutOff.subarray(0, length)), MalformedData);
      }
    }),
    { numRuns: 60 },
  );
});

test('damaged bytes lead to a typed error or to changes that can be read', async () => {
  const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
    minLength: 1,
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(messages, damage, async (list, bytes) => {
      const all = Buffer.concat(list.map(pgoutput.xlogData));
      for (const [place, byte] of bytes) all[Math.floor(place * (all.length - 1))] = byte;
      await onlyMalformed(() => new Pipeline().push(all));
    }),
    { numRuns: 1_500 },
  );
});

test('random bytes lead to a typed error, as messages and as a stream', async () => {
  const types = fc.constantFrom(...Buffer.from('BCDIMORTUYS')).map((byte) => Buffer.of(byte));
  await fc.assert(
    fc.asyncProperty(types, fc.uint8Array({ maxLength: 300 }), async (type, bytes) => {
      const message = Buffer.concat([type, bytes]);
      const pipeline = new Pipeline();
      await pipeline.message(pgoutput.begin(1n, 1));
      await onlyMalformed(() => pipeline.message(message));
      await onlyMalformed(() => new Pipeline().push(message));
    }),
    { numRuns: 1_500 },
  );
});
