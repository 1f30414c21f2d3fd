import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteIdentifier, quoteLiteral, quoteTable } from './quote.ts';

test('identifiers are quoted whatever they hold', () => {
  assert.equal(quoteIdentifier('accounts'), '"accounts"');
  assert.equal(quoteIdentifier('Odd "name"'), '"Odd ""name"""');
  assert.equal(quoteTable({ schema: 'a.b', name: 'c' }), '"a.b"."c"');
  assert.throws(() => quoteIdentifier(''), RangeError);
  assert.throws(() => quoteIdentifier('a\0b'), RangeError);
});

test('literals end where they should', () => {
  assert.equal(quoteLiteral("it's"), "'it''s'");
  assert.equal(quoteLiteral("\\'; --"), "E'\\\\''; --'");
  assert.throws(() => quoteLiteral('a\0b'), RangeError);
});
