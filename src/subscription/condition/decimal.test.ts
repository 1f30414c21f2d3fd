import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Decimal } from './decimal.ts';

const parse = (text: string): Decimal => {
  const decimal = Decimal.parse(text);
  assert.ok(decimal !== null, text);
  return decimal;
};

/** A decimal as an integer of a common unit, by other means than the class. */
const UNIT = 80;
function units(text: string): bigint {
  const negative = text.startsWith('-');
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const magnitude = BigInt(whole + fraction.padEnd(UNIT, '0'));
  return negative ? -magnitude : magnitude;
}

const decimalText = fc
  .tuple(fc.boolean(), fc.stringMatching(/^\d{1,30}$/), fc.stringMatching(/^\d{0,30}$/))
  .map(
    ([negative, whole, fraction]) => `${negative ? '-' : ''}${whole}${fraction && `.${fraction}`}`,
  );

test('property: comparing and calculating equal integer arithmetic', () => {
  fc.assert(
    fc.property(decimalText, decimalText, (a, b) => {
      const [left, right] = [parse(a), parse(b)];
      assert.equal(
        Math.sign(left.compare(right)),
        Number(units(a) - units(b) > 0n) - Number(units(a) - units(b) < 0n),
      );
      assert.equal(units(left.add(right).toString()), units(a) + units(b));
      assert.equal(units(left.subtract(right).toString()), units(a) - units(b));
      assert.equal(
        units(left.multiply(right).toString()),
        (units(a) * units(b)) / 10n ** BigInt(UNIT),
      );
      assert.equal(units(left.negate().toString()), -units(a));
      assert.equal(units(left.toString()), units(a));
    }),
    { numRuns: 500 },
  );
});

test('property: integers and doubles take part with their own value', () => {
  fc.assert(
    fc.property(fc.bigInt(), (value) => {
      assert.equal(Decimal.from(value).toString(), String(value));
    }),
  );
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      assert.equal(Decimal.from(value).toNumber(), Object.is(value, -0) ? 0 : value);
    }),
  );
});

test('a double stands for its shortest form', () => {
  assert.equal(Decimal.from(0.1).compare(parse('0.1')), 0);
  assert.equal(parse('0.1').add(parse('0.2')).compare(Decimal.from(0.3)), 0);
  assert.equal(Decimal.from(1e21).toString(), '1000000000000000000000');
});

test('special values sort as in PostgreSQL: -Infinity, numbers, Infinity, NaN', () => {
  const sorted = ['-Infinity', '-1e300', '0', '1e300', 'Infinity', 'NaN'].map(parse);
  for (const [i, left] of sorted.entries()) {
    for (const [j, right] of sorted.entries()) {
      assert.equal(Math.sign(left.compare(right)), Math.sign(i - j));
    }
  }
  assert.equal(parse('Infinity').add(parse('1')).toString(), 'Infinity');
  assert.equal(parse('Infinity').subtract(parse('Infinity')).toString(), 'NaN');
  assert.equal(parse('-Infinity').multiply(parse('2')).toString(), '-Infinity');
  assert.equal(parse('-Infinity').negate().toString(), 'Infinity');
});

test('what is no decimal is none', () => {
  for (const text of ['', '.', '-', 'e5', '1,5', '1 ', '0x10', '1e1000', 'one', '٣']) {
    assert.equal(Decimal.parse(text), null, text);
  }
  assert.equal(parse('.5').toString(), '0.5');
  assert.equal(parse('5.').toString(), '5');
  assert.equal(parse('+1.50e1').toString(), '15.0');
});
