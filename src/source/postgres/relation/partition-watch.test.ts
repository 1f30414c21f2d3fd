import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableMark } from '../../../change/mark.ts';
import { type PartitionList, PartitionWatch } from './partition-watch.ts';

const ROOT = { oid: 1, schema: 'public', name: 'ord' };

function mark(kind: TableMark['kind'], id: number): TableMark {
  const partition = { id: String(id), schema: 'public', name: `ord_${id}` };
  return { schema: 'public', name: 'ord', origin: '1', kind, partition };
}

const list = (
  position: string,
  ids: readonly number[],
  {
    made = [],
    existing = ids,
    asked = existing,
  }: {
    made?: readonly number[];
    existing?: readonly number[];
    asked?: readonly number[];
  } = {},
): PartitionList => ({
  position,
  at: 7,
  partitions: ids.map((id) => ({
    root: ROOT,
    partition: { oid: id, schema: 'public', name: `ord_${id}` },
    links: [
      {
        oid: id,
        schema: 'public',
        name: `ord_${id}`,
        bounds: `IN (${id})`,
        parent: { schema: 'public', name: 'ord' },
      },
    ],
    made: made.includes(id),
  })),
  asked: new Set(asked.map(String)),
  existing: new Map(existing.map((id) => [String(id), []])),
});

const told = (watch: PartitionWatch, position: string): readonly string[] =>
  [...watch.passed(position)].map(
    (found) => `${found.mark.kind} ${found.mark.partition?.id} after ${found.found.after}`,
  );

test('the first look only notes what is there', () => {
  const watch = new PartitionWatch([], null);
  watch.listed(list('B', [10, 11]), 'B');
  assert.deepEqual(told(watch, 'A'), [], 'not before the stream is there');
  assert.deepEqual(told(watch, 'B'), ['present 10 after null', 'present 11 after null']);
  assert.deepEqual(told(watch, 'C'), []);
});

test('what comes and goes later is attached, made, detached or dropped', () => {
  const watch = new PartitionWatch(
    [mark('present', 10), mark('present', 11), mark('present', 12)],
    'A',
  );
  const more = { made: [21], existing: [10, 11, 20, 21], asked: [10, 11, 12] };
  watch.listed(list('B', [10, 20, 21], more), 'B');
  assert.deepEqual(told(watch, 'B').toSorted(), [
    'attached 20 after A',
    'detached 11 after A',
    'dropped 12 after A',
    'present 21 after A',
  ]);
  watch.listed(list('C', [10, 20, 21]), 'C');
  assert.deepEqual(told(watch, 'C'), []);
});

test('what the stream itself has told is not found again', () => {
  const watch = new PartitionWatch([mark('present', 10)], 'A');
  watch.listed(list('C', [20]), 'C');
  watch.note(mark('detached', 10));
  watch.note(mark('attached', 20));
  assert.deepEqual(told(watch, 'C'), []);
});

test('marks of the log are taken in their order', () => {
  const watch = new PartitionWatch(
    [mark('attached', 10), mark('detached', 10), mark('attached', 10)],
    'A',
  );
  assert.deepEqual(watch.known, ['10']);
});

const link = (id: number) => ({
  id: String(id),
  schema: 'public',
  name: `ord_${id}`,
  parent: { schema: 'public', name: 'ord' },
});

test('what the stream tells of one that left has the bounds with which it was there', () => {
  const watch = new PartitionWatch([mark('present', 10)], 'A');
  watch.listed(list('B', [10]), 'B');
  assert.deepEqual(told(watch, 'B'), []);
  const detached = { ...mark('detached', 10), link: link(10) };
  assert.equal(watch.note(detached)?.link?.bounds, 'IN (10)');
  // The connection broke in its transaction, which comes again.
  assert.equal(watch.note(detached)?.kind, 'detached');
});

test('what was found is not told by the stream as if it had happened later', () => {
  const watch = new PartitionWatch([mark('present', 10), mark('present', 11)], 'A');
  watch.listed(list('C', [10], { existing: [10, 11] }), 'B');
  assert.deepEqual(told(watch, 'C'), ['detached 11 after A']);
  assert.equal(watch.note(mark('detached', 11)), null);
  assert.equal(watch.note(mark('dropped', 11)), null);
  assert.equal(watch.note(mark('attached', 11))?.kind, 'attached');
  assert.equal(watch.note(mark('detached', 11))?.kind, 'detached');
});

test('what comes late is found, after all that is known to be before it', () => {
  const watch = new PartitionWatch([mark('present', 10)], 'A');
  watch.unchanged('B');
  assert.deepEqual(told(watch, 'B'), []);
  watch.unchanged('C');
  watch.noteLate(mark('detached', 10), 7);
  watch.listed(list('D', [], { existing: [10] }), 'D');
  assert.deepEqual(told(watch, 'C'), ['detached 10 after B']);
  watch.noteLate(mark('detached', 10), 8);
  assert.deepEqual(told(watch, 'D'), []);
});

test('what the stream told of only after the list was asked for is asked for again', () => {
  const watch = new PartitionWatch([], 'A');
  watch.listed(list('C', [11], { asked: [11] }), 'B');
  watch.note(mark('present', 10));
  assert.deepEqual(told(watch, 'C'), ['present 11 after A']);
  assert.equal(watch.isUnsure, true);
  watch.listed(list('E', [11], { existing: [10, 11] }), 'D');
  assert.deepEqual(told(watch, 'E'), ['detached 10 after A']);
  assert.equal(watch.isUnsure, false);
});
