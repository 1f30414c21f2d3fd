import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonValue } from '../../../change/dialect.ts';
import type { ValueKind } from '../../../change/table.ts';
import { readArray } from './array.ts';
import { POSTGRES_DIALECT } from './dialect.ts';

function read(kind: ValueKind, text: string, array = false): JsonValue {
  return POSTGRES_DIALECT.reader({ name: 'c', type: kind, kind, array })(text);
}

test('values in wire form v1', () => {
  const cases: [ValueKind, string, JsonValue][] = [
    ['boolean', 't', true],
    ['boolean', 'f', false],
    ['integer', '0', 0],
    ['integer', '-32768', -32768],
    ['integer', '9007199254740991', 9007199254740991],
    ['integer', '-9007199254740991', -9007199254740991],
    ['integer', '9007199254740992', '9007199254740992'],
    ['integer', '-9223372036854775808', '-9223372036854775808'],
    ['decimal', '100.50', '100.50'],
    ['decimal', '1', '1'],
    ['decimal', 'NaN', 'NaN'],
    ['float', '0.1', 0.1],
    ['float', '-1.5', -1.5],
    ['float', '0', 0],
    ['float', '1e+300', 1e300],
    ['float', '1.7976931348623157e+308', Number.MAX_VALUE],
    ['float', '5e-324', 5e-324],
    ['float', '-0', '-0'],
    ['float', 'NaN', 'NaN'],
    ['float', 'Infinity', 'Infinity'],
    ['float', '-Infinity', '-Infinity'],
    ['text', '', ''],
    ['text', 'NULL', 'NULL'],
    ['bytes', '\\x', ''],
    ['bytes', '\\xdeadBEEF', '3q2+7w=='],
    ['bytes', 'a\\\\b\\000\\377', 'YVxiAP8='],
    ['json', '{"a": [1, null, 12345678901234567890]}', { a: [1, null, '12345678901234567890'] }],
    ['json', 'null', null],
    ['json', '['.repeat(9000) + ']'.repeat(9000), '['.repeat(9000) + ']'.repeat(9000)],
    ['date', '2026-02-28', '2026-02-28'],
    ['date', '0044-03-15 BC', '0044-03-15 BC'],
    ['date', 'infinity', 'infinity'],
    ['time', '10:00:00.5', '10:00:00.5'],
    ['time', '10:00:00+05:30', '10:00:00+05:30'],
    ['timestamp', '2026-02-28 10:00:00.123456', '2026-02-28T10:00:00.123456'],
    ['timestamp', '-infinity', '-infinity'],
    ['timestamp', '0044-03-15 10:00:00 BC', '0044-03-15 10:00:00 BC'],
    ['timestamp', '12026-01-01 00:00:00', '12026-01-01 00:00:00'],
    ['timestamptz', '2026-02-28 10:00:00+00', '2026-02-28T10:00:00Z'],
    ['timestamptz', '2026-02-28 10:00:00.123456+00', '2026-02-28T10:00:00.123456Z'],
    ['timestamptz', '2026-02-28 23:30:00.1-05:30', '2026-03-01T05:00:00.1Z'],
    ['timestamptz', '1890-01-01 00:00:00+00:53:28', '1889-12-31T23:06:32Z'],
    ['timestamptz', 'infinity', 'infinity'],
    ['timestamptz', '0044-03-15 10:00:00+00 BC', '0044-03-15 10:00:00+00 BC'],
    ['timestamptz', '12026-01-01 00:00:00+00', '12026-01-01 00:00:00+00'],
    ['timestamptz', '9999-12-31 23:30:00-01', '9999-12-31 23:30:00-01'],
    ['other', '(1,"a b")', '(1,"a b")'],
    ['other', '1 year 2 mons', '1 year 2 mons'],
  ];
  for (const [kind, text, value] of cases) {
    assert.deepEqual(read(kind, text), value, `${kind} ${text.slice(0, 40)}`);
  }
});

test('arrays of a kind become JSON arrays of its values', () => {
  const cases: [ValueKind, string, JsonValue][] = [
    ['integer', '{}', []],
    ['integer', '{1,NULL,9007199254740993}', [1, null, '9007199254740993']],
    ['boolean', '{t,f}', [true, false]],
    ['text', '{NULL,"NULL",null,""}', [null, 'NULL', 'null', '']],
    ['text', '{"a,b","c\\"d","e\\\\f","{g}",h i}', ['a,b', 'c"d', 'e\\f', '{g}', 'h i']],
    [
      'integer',
      '{{1,2},{3,NULL}}',
      [
        [1, 2],
        [3, null],
      ],
    ],
    ['json', '{"{\\"a\\": [1]}"}', [{ a: [1] }]],
    ['bytes', '{"\\\\xdead"}', ['3q0=']],
    ['timestamptz', '{"2026-02-28 10:00:00+00"}', ['2026-02-28T10:00:00Z']],
  ];
  for (const [kind, text, value] of cases) {
    assert.deepEqual(read(kind, text, true), value, `${kind} ${text}`);
  }
});

test('what JSON cannot say as an array keeps its text', () => {
  for (const text of [
    '[0:1]={1,2}',
    '[2:3][1:1]={{1},{2}}',
    '{1,2',
    '{1,}',
    '{1}2',
    '{,1}',
    '{"a}',
    '{a"b"}',
    '1',
    '',
    '{{{{{{{1}}}}}}}',
  ]) {
    assert.equal(read('text', text, true), text);
  }
});

test('property: no text makes a reader throw', () => {
  const kinds: ValueKind[] = ['boolean', 'integer', 'decimal', 'float', 'text', 'bytes'];
  kinds.push('json', 'date', 'time', 'timestamp', 'timestamptz', 'other');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('{', '}', '"', '\\', ',', '1', 'x', '-', ':', ' ', '+') }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.boolean(), text, (kind, array, value) => {
      JSON.stringify(read(kind, value, array));
    }),
    { numRuns: 3000 },
  );
});

type Tree = string | null | Tree[];

/** Prints an array as PostgreSQL's array_out does, quoting everything. */
function print(tree: Tree): string {
  if (tree === null) return 'NULL';
  if (Array.isArray(tree)) return `{${tree.map(print).join(',')}}`;
  return `"${tree.replace(/["\\]/g, '\\$&')}"`;
}

test('property: an array is read back as it was printed', () => {
  const element = fc.option(fc.string({ unit: 'binary' }));
  const list = fc.array(element, { minLength: 1 });
  const nested = fc.array(fc.array(element, { minLength: 2, maxLength: 2 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.oneof(list, nested), (tree: Tree) => {
      assert.deepEqual(
        readArray(print(tree), (text) => text),
        tree,
      );
    }),
    { numRuns: 1000 },
  );
});

test('a long array is read in linear time', () => {
  const text = `{${'{a,"b"},'.repeat(100_000)}{a,b}}`;
  const started = performance.now();
  assert.equal((read('text', text, true) as JsonValue[]).length, 100_001);
  assert.ok(performance.now() - started < 2000);
});
