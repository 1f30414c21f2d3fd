import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSourceName, LONGEST_NAME, ownName } from './names.ts';
import { publicationNames } from './setup/publication.ts';

test('every name made of a source name fits into PostgreSQL', () => {
  const longest = 'x'.repeat(LONGEST_NAME);
  assert.ok(isSourceName(longest));
  assert.ok(!isSourceName(`${longest}x`));
  for (const name of Object.values(publicationNames(longest))) assert.ok(name.length <= 63, name);
  assert.ok(`${ownName(longest)}_4294967295`.length <= 63, 'a slot with its database');
});

test('names that could break out of what they are part of are refused', () => {
  for (const name of ['', 'Main', 'a b', 'a"b', "a'b", 'a.b', 'ä'])
    assert.ok(!isSourceName(name), name);
  assert.equal(ownName('my-shop_2'), 'tidings_my_shop_2');
});
