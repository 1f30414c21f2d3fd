import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareLineages,
  type Course,
  FIRST_LINEAGE,
  lineageText,
  parseHistory,
  parseLineage,
  parseStarted,
} from './lineage.ts';

const position = (number: number): string => number.toString(16).toUpperCase().padStart(16, '0');

/** `2@100` stands for a timeline 2 that began there; the first one needs no saying. */
function lineage(...later: readonly `${number}@${number}`[]): typeof FIRST_LINEAGE {
  const timelines = later.map((text) => {
    const [id, begin] = text.split('@').map(Number);
    return { id: id ?? 0, begin: position(begin ?? 0) };
  });
  return [...FIRST_LINEAGE, ...timelines];
}

function compare(
  log: readonly [typeof FIRST_LINEAGE | null, number],
  server: readonly [typeof FIRST_LINEAGE | null, number],
): number | null {
  const place = ([known, at]: typeof log): Parameters<typeof compareLineages>[0] => ({
    lineage: known,
    position: position(at),
  });
  const course: Course = compareLineages(place(log), place(server));
  return course.kind === 'continues' ? null : Number.parseInt(course.to, 16);
}

test('a history file names the timelines before, and where each was left', () => {
  const text =
    '1\t0/5000158\tno recovery target specified\n\n2\t1/A0\tbefore 2026-01-01 00:00:00+00\n';
  const read = parseHistory(text, 3);
  assert.deepEqual(read, [
    { id: 1, begin: '0000000000000000' },
    { id: 2, begin: '0000000005000158' },
    { id: 3, begin: '00000001000000A0' },
  ]);
  const kept = lineageText(read, '1796008838188302');
  assert.deepEqual(parseLineage(kept), read);
  assert.equal(parseStarted(kept), '1796008838188302');
  assert.deepEqual(parseLineage('1@0000000000000000'), FIRST_LINEAGE);
  assert.equal(parseStarted('1@0000000000000000'), null);
  assert.equal(parseLineage(null), null);
  assert.equal(parseLineage('nonsense'), null);
});

test('a server that is as far as the log, or further, continues', () => {
  assert.equal(compare([lineage(), 100], [lineage(), 100]), null);
  assert.equal(compare([lineage(), 100], [lineage(), 101]), null);
  assert.equal(compare([lineage('2@50'), 100], [lineage('2@50'), 200]), null);
});

test('a server that is not as far as the log went back', () => {
  assert.equal(compare([lineage(), 100], [lineage(), 99]), 99);
  assert.equal(compare([null, 100], [lineage(), 99]), 99);
  assert.equal(compare([null, 100], [lineage('2@90'), 99]), 99);
});

test('a timeline that began behind the log continues, one that left before it went back', () => {
  assert.equal(compare([lineage(), 100], [lineage('2@100'), 150]), null);
  assert.equal(compare([lineage(), 100], [lineage('2@120'), 150]), null);
  assert.equal(compare([lineage(), 100], [lineage('2@99'), 150]), 99);
  assert.equal(compare([lineage('2@50'), 100], [lineage('2@50', '3@80'), 150]), 80);
  assert.equal(compare([lineage('2@50'), 100], [lineage('2@50', '3@100'), 150]), null);
});

test('the server that was left behind, or another one that was promoted to the same number', () => {
  // Tidings followed the promoted one; then the old primary came back.
  assert.equal(compare([lineage('2@50'), 100], [lineage(), 150]), 50);
  assert.equal(compare([lineage('2@50'), 50], [lineage(), 150]), null);
  assert.equal(compare([lineage('2@50'), 100], [lineage('2@60'), 150]), 50);
  assert.equal(compare([lineage('2@60'), 100], [lineage('2@50'), 150]), 50);
  assert.equal(compare([lineage('2@50', '3@70'), 100], [lineage('2@50'), 150]), 70);
  // It left before the log's position, and has not even come as far as that.
  assert.equal(compare([lineage('2@50'), 100], [lineage(), 40]), 40);
});

test('a lineage that is not known leaves it to positions', () => {
  assert.equal(compare([null, 100], [lineage('2@90'), 150]), null);
  assert.equal(compare([lineage(), 100], [null, 150]), null);
});
