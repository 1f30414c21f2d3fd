import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMicros, formatTime, parseMicros, splitTime } from './time.ts';

test('microseconds become ISO 8601 in UTC with six digits', () => {
  assert.equal(formatMicros(0), '1970-01-01T00:00:00.000000Z');
  assert.equal(formatMicros(1_795_000_000_123_456), '2026-11-18T11:06:40.123456Z');
  assert.equal(formatMicros(-1), '1969-12-31T23:59:59.999999Z');
  assert.equal(formatMicros(-1), formatMicros(-1), 'also from the remembered second');
});

test('what is no such time is refused, not guessed', () => {
  const refused = [
    '2026-02-30T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00+01:00',
    '2026-01-01T00:00:00.1234567Z',
    '2026-01-01 00:00:00Z',
    'infinity',
    '',
  ];
  for (const text of refused) assert.equal(splitTime(text), null, text);
  assert.equal(parseMicros('9999-12-31T23:59:59.999999Z'), null, 'no exact number any more');
});

test('fewer fraction digits mean zeros', () => {
  assert.deepEqual(splitTime('1970-01-01T00:00:01.5Z'), { seconds: 1, micros: 500_000 });
  assert.equal(parseMicros('1970-01-01T00:00:01Z'), 1_000_000);
});

test('property: formatting and parsing are inverse, and the texts sort like the times', () => {
  // The years 1 to 2255: exact as numbers.
  const micros = fc.integer({ min: -62_135_596_800_000_000, max: Number.MAX_SAFE_INTEGER });
  const exact = micros.filter(Number.isSafeInteger);
  fc.assert(
    fc.property(exact, exact, (a, b) => {
      assert.equal(parseMicros(formatMicros(a)), a);
      assert.equal(formatMicros(a) < formatMicros(b), a < b);
    }),
  );
  const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
  fc.assert(
    fc.property(seconds, fc.nat(999_999), (whole, fraction) => {
      const time = { seconds: whole, micros: fraction };
      assert.deepEqual(splitTime(formatTime(time)), time);
    }),
  );
});
