import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameDatabase } from './source-identity.ts';

test('a database is known by its number, whatever it is called', () => {
  const shop = 'postgresql:7312#16384 shop';
  assert.ok(isSameDatabase(shop, shop));
  assert.ok(isSameDatabase(shop, 'postgresql:7312#16384 shop / old #1'), 'renamed');
  assert.ok(!isSameDatabase(shop, 'postgresql:7312#16385 shop'), 'another one of its name');
  assert.ok(!isSameDatabase(shop, 'postgresql:7313#16384 shop'), 'another server');
  assert.ok(!isSameDatabase('postgresql:7312#16384 1', 'postgresql:7312#163841 1'));
});

test('written down by its name alone, it is the one of that name on the same server', () => {
  const old = 'postgresql:7312/shop # 1';
  assert.ok(isSameDatabase(old, 'postgresql:7312#16384 shop # 1'));
  assert.ok(!isSameDatabase(old, 'postgresql:7312#16384 shop'));
  assert.ok(!isSameDatabase(old, 'postgresql:7313#16384 shop # 1'));
  assert.ok(!isSameDatabase('a', 'b'));
});
