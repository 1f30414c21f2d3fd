import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as pgoutput from '../../../../test/support/pgoutput.ts';
import { MalformedData } from './decode-bytes.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';

type Frame = readonly [type: string, body: string];

/** Reads chunks to the end, retrying where the handler refuses; `refuse` decides before each frame. */
function readAll(chunks: readonly Buffer[], refuse: () => boolean = () => false): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader();
  const handler: FrameHandler = {
    frame(type, body, start, end) {
      if (refuse()) return false;
      frames.push([String.fromCharCode(type), body.buffer.toString('latin1', start, end)]);
      return true;
    },
  };
  for (const chunk of chunks) {
    reader.push(chunk);
    while (!reader.read(handler)) assert.ok(reader.unread);
    assert.ok(!reader.unread);
  }
  return frames;
}

const frames = fc.array(
  fc.tuple(
    fc.constantFrom('d', 'W', 'E', 'Z'),
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 0, max: 200_000 }).map((length) => new Uint8Array(length).fill(7)),
    ),
  ),
  { maxLength: 12 },
);
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length];
  let start = 0;
  return ends.sort((a, b) => a - b).map((end) => bytes.subarray(start, (start = end)));
}

test('frames are the same wherever the chunks end and whenever one is refused', () => {
  fc.assert(
    fc.property(frames, cuts, fc.infiniteStream(fc.boolean()), (wanted, places, refusals) => {
      const all = Buffer.concat(
        wanted.map(([type, body]) => pgoutput.frame(type, Buffer.from(body))),
      );
      const expected = wanted.map(([type, body]) => [type, Buffer.from(body).toString('latin1')]);
      const refuse = (): boolean => refusals.next().value === true;
      assert.deepEqual(readAll(cut(all, places), refuse), expected);
    }),
    { numRuns: 200 },
  );
});

test('frames are the same byte by byte', () => {
  const all = Buffer.concat([
    pgoutput.frame('d', Buffer.from('one')),
    pgoutput.frame('c', Buffer.alloc(0)),
    pgoutput.frame('d', Buffer.from('two')),
  ]);
  const bytes = [...all].map((byte) => Buffer.of(byte));
  assert.deepEqual(readAll(bytes), [
    ['d', 'one'],
    ['c', ''],
    ['d', 'two'],
  ]);
});

test('impossible lengths are refused with their place, and cost no memory', () => {
  for (const length of [0, 3, 2 ** 30 + 6, 2 ** 31, 2 ** 32 - 1]) {
    const first = pgoutput.frame('d', Buffer.from('fine'));
    const bytes = Buffer.concat([first, Buffer.from('d'), pgoutput.uint32(length)]);
    for (const chunks of [[bytes], cut(bytes, [0.2, 0.5, 0.8, 0.95])]) {
      assert.throws(
        () => readAll(chunks),
        (error) => error instanceof MalformedData && error.at === first.length + 1,
        `length ${length}`,
      );
    }
  }
});

test('a long frame takes memory as it comes, and not as it promises', () => {
  const reader = new FrameReader();
  const handler: FrameHandler = { frame: () => assert.fail('it never ends') };
  const before = process.memoryUsage().arrayBuffers;
  reader.push(Buffer.concat([Buffer.from('d'), pgoutput.uint32(2 ** 30)]));
  reader.read(handler);
  for (let round = 0; round < 100; round++) {
    reader.push(Buffer.alloc(1_000));
    reader.read(handler);
  }
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 4_000_000, `${grown} bytes`);
});

test('the place of a malformed message counts from the stream’s first byte', () => {
  const first = pgoutput.frame('d', Buffer.alloc(100));
  const bytes = Buffer.concat([first, pgoutput.frame('d', Buffer.from('abcdef'))]);
  for (const chunks of [[bytes], [...bytes].map((byte) => Buffer.of(byte))]) {
    const reader = new FrameReader();
    let count = 0;
    const handler: FrameHandler = {
      frame(_type, _body, start) {
        if (++count === 2) throw new MalformedData('here', start + 3);
        return true;
      },
    };
    assert.throws(
      () => {
        for (const chunk of chunks) {
          reader.push(chunk);
          reader.read(handler);
        }
      },
      (error) => error instanceof MalformedData && error.at === first.length + 5 + 3,
    );
  }
});
