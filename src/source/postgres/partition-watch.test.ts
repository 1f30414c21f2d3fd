import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableMark } from '../../change/mark.ts';
import { type PartitionList, PartitionWatch } from './partition-watch.ts';

const ROOT = { oid: 1, schema: 'public', name: 'ord' };

function mark(kind: TableMark['kind'], id: number): TableMark {
  const partition = { id: String(id), schema: 'public', name: `ord_${id}` };
  return { schema: 'public', name: 'ord', origin: '1', kind, partition };
}

const list = (
  position: string,
  ids: readonly number[],
  { made = [], existing = ids }: { made?: readonly number[]; existing?: readonly number[] } = {},
): PartitionList => ({
  position,
  at: 7,
  partitions: ids.map((id) => ({
    root: ROOT,
    partition: { oid: id, schema: 'public', name: `ord_${id}` },
    links: [
      {
        ...{ oid: id, schema: 'public', name: `ord_${id}`, bounds: `IN (${id})` },
        parent: { schema: 'public', name: 'ord' },
      },
    ],
    made: made.includes(id),
  })),
  existing: new Map(existing.map((id) => [String(id), []])),
});

const told = (watch: PartitionWatch, position: string): readonly string[] =>
  [...watch.passed(position)].map(
    (found) => `${found.mark.kind} ${found.mark.partition?.id} after ${found.found.after}`,
  );

test('the first look only notes what is there', () => {
  const watch = new PartitionWatch([], null);
  watch.listed(list('B', [10, 11]));
  assert.deepEqual(told(watch, 'A'), [], 'not before the stream is there');
  assert.deepEqual(told(watch, 'B'), ['present 10 after null', 'present 11 after null']);
  assert.deepEqual(told(watch, 'C'), []);
});

test('what comes and goes later is attached, made, detached or dropped', () => {
  const watch = new PartitionWatch(
    [mark('present', 10), mark('present', 11), mark('present', 12)],
    'A',
  );
  watch.listed(list('B', [10, 20, 21], { made: [21], existing: [10, 11, 20, 21] }));
  assert.deepEqual(told(watch, 'B').toSorted(), [
    'attached 20 after A',
    'detached 11 after A',
    'dropped 12 after A',
    'present 21 after A',
  ]);
  watch.listed(list('C', [10, 20, 21]));
  assert.deepEqual(told(watch, 'C'), []);
});

test('what the stream itself has told is not found again', () => {
  const watch = new PartitionWatch([mark('present', 10)], 'A');
  watch.listed(list('C', [20]));
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
