import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import fc from 'fast-check';
import { Instant } from './instant.ts';

const parse = (text: string): Instant => {
  const instant = Instant.parse(text);
  assert.ok(instant !== null, text);
  return instant;
};

test('property: every microsecond of the years 1 to 9999 comes back', () => {
  const micros = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });
  fc.assert(
    fc.property(micros, (value) => {
      assert.equal(parse(new Instant(value).toString()).micros, value);
    }),
  );
});

test('property: adding a duration and subtracting it again changes nothing', () => {
  const micros = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n });
  fc.assert(
    fc.property(micros, micros, (a, b) => {
      const [left, right] = [new Instant(a), new Instant(b)];
      const between = left.since(right);
      assert.equal(right.add(between).micros, a);
      assert.equal(left.subtract(between).micros, b);
    }),
  );
});

test('offsets count, and infinity is beyond all times', () => {
  assert.equal(parse('2026-01-01T01:00:00+01:00').micros, parse('2026-01-01T00:00:00Z').micros);
  assert.equal(parse('2025-12-31T18:30:00-05:30').micros, parse('2026-01-01T00:00:00Z').micros);
  assert.ok(parse('infinity').micros > parse('9999-12-31T23:59:59.999999Z').micros);
  assert.ok(parse('-infinity').micros < parse('0001-01-01T00:00:00Z').micros);
  assert.equal(parse('infinity').toString(), 'infinity');
});

test('what is no time, or finer than a microsecond, is refused', () => {
  for (const text of ['2026-01-01', '2026-01-01T00:00:00', '2026-01-01T00:00:00.1234567Z', '']) {
    assert.equal(Instant.parse(text), null, text);
  }
  assert.throws(() => parse('2026-01-01T00:00:00Z').add(new Duration(0n, 1)), RangeError);
});
