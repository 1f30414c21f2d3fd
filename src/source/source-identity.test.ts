import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameDatabase, mayBeUpgraded } from './source-identity.ts';

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

test('an upgraded server has another identity; its databases keep their names, or their numbers', () => {
  const shop = 'postgresql:7312#16384 shop';
  assert.ok(mayBeUpgraded(shop, 'postgresql:7399#16384 shop'));
  assert.ok(mayBeUpgraded(shop, 'postgresql:7399#16390 shop'), 'by its name alone');
  assert.ok(mayBeUpgraded(shop, 'postgresql:7399#16384 renamed since'));
  assert.ok(mayBeUpgraded('postgresql:7312/shop', 'postgresql:7399#16384 shop'));
  assert.ok(!mayBeUpgraded(shop, 'postgresql:7399#16390 other'));
  assert.ok(!mayBeUpgraded(shop, 'postgresql:7312#16385 shop'), 'the same server');
  assert.ok(!mayBeUpgraded('postgresql:7312/shop', 'postgresql:7399#16384 other'));
  assert.ok(!mayBeUpgraded('a', shop) && !mayBeUpgraded(shop, 'a'));
});
