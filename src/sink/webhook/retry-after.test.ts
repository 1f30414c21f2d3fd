import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readRetryAfter } from './retry-after.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 21, 8);

/** The three forms of a date in HTTP (RFC 9110, 5.6.7). */
const FORMS: readonly ((date: Date) => string)[] = [
  (date) => date.toUTCString(),
  (date) => {
    const [day = '', month = '', year = '', time = ''] = date.toUTCString().slice(5).split(' ');
    const names = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
    return `${names[date.getUTCDay()]}, ${day}-${month}-${year.slice(2)} ${time} GMT`;
  },
  (date) => {
    const text = date.toUTCString();
    const [day = '', month = '', year = '', time = ''] = text.slice(5).split(' ');
    return `${text.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
  },
];

test('seconds are seconds, up to a day', () => {
  fc.assert(
    fc.property(fc.nat(200_000), fc.constantFrom('', ' ', '\t'), (seconds, space) => {
      const read = readRetryAfter(`${space}${seconds}${space}`, NOW);
      assert.equal(read, Math.min(seconds * 1_000, DAY));
    }),
  );
});

test('a date in any form of HTTP is a time from now, none in the past, and a day at most', () => {
  const seconds = fc.integer({ min: -200_000, max: 200_000 });
  fc.assert(
    fc.property(seconds, fc.constantFrom(...FORMS), (from, form) => {
      const written = form(new Date(NOW + from * 1_000));
      const expected = Math.min(Math.max(0, from * 1_000), DAY);
      assert.equal(readRetryAfter(written, NOW), expected, written);
    }),
  );
});

test('whatever comes, it is null or a time from 0 to a day', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.string()),
    fc.constant(undefined),
    fc.bigInt().map(String),
    fc.stringMatching(/^[A-Z][a-z]{2},? [ 0-9A-Za-z:+-]*$/),
  );
  fc.assert(
    fc.property(anything, fc.integer(), (value, now) => {
      const read = readRetryAfter(value, now);
      assert.ok(read === null || (read >= 0 && read <= DAY), String(read));
    }),
  );
});

test('what is neither is nothing', () => {
  const neither = ['', ' ', 'soon', '1.5', '-1', '+1', '1e3', '0x10', '10 s', '2026-11-21', '１０'];
  for (const text of neither) assert.equal(readRetryAfter(text, NOW), null, text);
  assert.equal(readRetryAfter(['1', '2'], NOW), null);
  assert.equal(readRetryAfter(undefined, NOW), null);
});
