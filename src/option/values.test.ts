import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationText, parseDuration } from './duration.ts';
import { JsonProblem, parseJson } from '../project/json-check.ts';
import { parseSize } from './size.ts';
import { parseStartAt } from './start-at.ts';
import { suggest } from './suggest.ts';

test('durations', () => {
  const read = { '250ms': 250, '30s': 30_000, '5m': 300_000, '2h': 7_200_000, '7d': 604_800_000 };
  for (const [text, milliseconds] of Object.entries(read)) {
    assert.equal(parseDuration(text), milliseconds);
    assert.equal(parseDuration(durationText(milliseconds)), milliseconds);
  }
  assert.equal(parseDuration('0.29s'), 290);
  assert.equal(parseDuration(1500), 1500);
  for (const bad of [
    '',
    '5',
    '5 s',
    '-5s',
    '5S',
    '1e3s',
    '5s ',
    '0.5ms',
    1.5,
    -1,
    NaN,
    null,
    '9e9d',
  ]) {
    assert.equal(parseDuration(bad), null, String(bad));
  }
});

test('every whole number of milliseconds has a text that means it', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 12 }), (milliseconds) => {
      assert.equal(parseDuration(durationText(milliseconds)), milliseconds);
    }),
  );
});

test('sizes', () => {
  const read = {
    '1B': 1,
    '2kB': 2_000,
    '2KB': 2_000,
    '256MB': 256e6,
    '1.5GB': 1.5e9,
    '1GiB': 2 ** 30,
  };
  for (const [text, bytes] of Object.entries(read)) assert.equal(parseSize(text), bytes);
  assert.equal(parseSize(4096), 4096);
  for (const bad of [
    '',
    '5',
    '5 MB',
    '5mb',
    '5M',
    '-1MB',
    '0.5B',
    '1e3MB',
    0.5,
    -1,
    null,
    '9999TB1',
  ]) {
    assert.equal(parseSize(bad), null, String(bad));
  }
});

test('places in the log', () => {
  assert.equal(parseStartAt('head'), 'head');
  assert.equal(parseStartAt('floor'), 'floor');
  assert.equal(parseStartAt(7), 7);
  assert.equal(parseStartAt('7'), 7);
  assert.deepEqual(parseStartAt('2026-11-21T08:00Z'), new Date('2026-11-21T08:00:00Z'));
  assert.deepEqual(
    parseStartAt('2026-11-21T08:00:00.123456-05:00'),
    new Date('2026-11-21T13:00:00.123Z'),
  );
  const bad = [
    '',
    'tail',
    '-1',
    1.5,
    '2026-11-21',
    '2026-11-21T08:00',
    '2026-13-01T00:00:00Z',
    '2026-02-29T00:00:00Z',
    new Date(NaN),
    null,
  ];
  for (const text of bad) assert.equal(parseStartAt(text), null, String(text));
});

test('suggestions: a letter or two amiss, not something else', () => {
  const candidates = ['operations', 'columns', 'where', 'to'];
  assert.equal(suggest('operatons', candidates), 'operations');
  assert.equal(suggest('OPERATIONS', candidates), 'operations');
  assert.equal(suggest('colunms', candidates), 'columns');
  assert.equal(suggest('wehre', candidates), 'where');
  assert.equal(suggest('filter', candidates), null);
  assert.equal(suggest('xyz', candidates), null);
});

test('JSON: the place of each mistake', () => {
  const complaints: readonly (readonly [text: string, complaint: string])[] = [
    ['', '1:1 a value has to stand here'],
    ['{\n  "a": 1,\n}', '3:1 no comma may stand after the last entry'],
    ['{\n  "a": 1\n  "b": 2\n}', '3:3 a comma or } has to stand here'],
    ['{"a" 1}', '1:6 a colon has to stand here'],
    ['{a: 1}', '1:2 a name in double quotes has to stand here'],
    ['[1, 2', '1:6 a comma or ] has to stand here'],
    ['{"a": "x\ny"}', '1:7 a text does not end, or has a bad escape or line break'],
    ['{"a": "\\x"}', '1:7 a text does not end, or has a bad escape or line break'],
    ['{"a": 01}', '1:7 a value has to stand here'],
    ['{"a": undefined}', '1:7 a value has to stand here'],
    ['{} {}', '1:4 text follows after the end'],
    ['// a comment\n{}', '1:1 a value has to stand here'],
    ['{"a": 1,\n "b": {"c": 1, "c": 2}}', '2:16 "c" is there a second time'],
    ['{"a": 1, "\\u0061": 2}', '1:10 "a" is there a second time'],
    ['['.repeat(200), '1:102 nested deeper than 100 levels'],
  ];
  for (const [text, complaint] of complaints) {
    assert.throws(
      () => parseJson(text),
      (error) => {
        assert.ok(error instanceof JsonProblem, text);
        assert.equal(`${error.place.line}:${error.place.column} ${error.message}`, complaint);
        return true;
      },
    );
  }
});

test('JSON: takes what JSON.parse takes, and nothing else', () => {
  const alphabet = [
    ...Array.from('{}[]",:\\ \n\t-+.eE019'),
    'true',
    'null',
    '"a"',
    '"b"',
    '\u0001',
    'é',
    '\u2028',
  ];
  const texts = fc.oneof(
    fc.json(),
    fc.array(fc.constantFrom(...alphabet)).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const ours = outcome(() => parseJson(text));
      const theirs = outcome(() => JSON.parse(text));
      // The one thing that is refused on top of the grammar.
      if (ours.problem?.endsWith('a second time') === true) return;
      assert.equal(ours.problem === null, theirs.problem === null, JSON.stringify(text));
      assert.deepEqual(ours.value, theirs.value);
    }),
    { numRuns: 2_000 },
  );
});

function outcome(work: () => unknown): {
  readonly problem: string | null;
  readonly value?: unknown;
} {
  try {
    return { problem: null, value: work() };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
