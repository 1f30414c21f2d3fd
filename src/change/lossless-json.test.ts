import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isExact, MAX_JSON_DEPTH, parseLosslessJson } from './lossless-json.ts';

test('a number that a double does not hold becomes a string of its text', () => {
  const cases: [string, unknown][] = [
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', '9007199254740993'],
    ['9007199254740992', 9007199254740992],
    ['1e400', '1e400'],
    ['-1e400', '-1e400'],
    ['1e-400', '1e-400'],
    ['0.1', 0.1],
    ['0.1000000000000000055', '0.1000000000000000055'],
    ['1.50', 1.5],
    ['1E3', 1000],
    ['0.000e5', 0],
    ['-0', '-0'],
    ['-0.0', '-0.0'],
    ['1.7976931348623157e308', 1.7976931348623157e308],
    ['12345678901234567890.12', '12345678901234567890.12'],
    ['123456789012345678901234567890', '123456789012345678901234567890'],
  ];
  for (const [text, value] of cases) {
    assert.deepEqual(parseLosslessJson(text), value, text);
    assert.deepEqual(parseLosslessJson(`{"a":[${text}]}`), { a: [value] }, text);
  }
});

test('strings that look like numbers stay as they are', () => {
  assert.equal(parseLosslessJson('"9007199254740993"'), '9007199254740993');
});

test('a member named __proto__ is a member', () => {
  for (const number of ['1', '9007199254740993']) {
    const value = parseLosslessJson(`{"__proto__":{"x":${number}}}`);
    assert.ok(typeof value === 'object' && value !== null);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(Object.keys(value), ['__proto__']);
    assert.equal(JSON.stringify(value).startsWith('{"__proto__":'), true);
  }
});

test('of two members with one name the last remains, as in jsonb', () => {
  assert.deepEqual(parseLosslessJson('{"a":1,"a":2}'), { a: 2 });
});

test('nesting is bounded by what can be passed on', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  const fits = parseLosslessJson(nested(MAX_JSON_DEPTH));
  assert.equal(JSON.stringify(structuredClone(fits)), nested(MAX_JSON_DEPTH));
  assert.throws(() => parseLosslessJson(nested(MAX_JSON_DEPTH + 1)), RangeError);
  const brackets = JSON.stringify('['.repeat(5000) + '\\"[');
  assert.equal(parseLosslessJson(brackets), '['.repeat(5000) + '\\"[', 'brackets in strings');
});

test('what is no JSON is a SyntaxError', () => {
  assert.throws(() => parseLosslessJson('{'), SyntaxError);
  assert.throws(() => parseLosslessJson('9007199254740993x'), SyntaxError);
});

test('property: any JSON value comes through as JSON.parse reads it, but for -0', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parseLosslessJson(text), JSON.parse(text));
    }),
  );
});

test('property: exactness is equality as rational numbers of text and shortest form', () => {
  const digits = fc.stringMatching(/^[0-9]{1,25}$/);
  fc.assert(
    fc.property(digits, digits, fc.integer({ min: -20, max: 20 }), (whole, fraction, exponent) => {
      const text = `${whole}.${fraction}e${exponent}`;
      const value = Number(text);
      const scale = 60n;
      const scaled = (number: string): bigint => {
        const [mantissa = '', power = '0'] = number.split('e');
        const [w = '', f = ''] = mantissa.split('.');
        return BigInt(w + f) * 10n ** (scale + BigInt(power) - BigInt(f.length));
      };
      const expected = scaled(text) === scaled(String(value));
      assert.equal(isExact(text, value), expected, text);
    }),
  );
});
