import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TidingsError } from '../../../errors/tidings-error.ts';
import { UnreadableValues } from './unreadable-values.ts';

test('the statement that mends a value has its names quoted', () => {
  const warnings: TidingsError[] = [];
  const values = new UnreadableValues({
    source: 'main',
    onWarning: (warning) => warnings.push(warning),
    onUnreadable: undefined,
  });
  const value = { schema: 'public', table: 'Two words', column: 'Note "1"' };
  values.add({ ...value, position: '0000000000000010' });
  assert.match(warnings[0]?.hint ?? '', /`UPDATE "public"."Two words" SET "Note ""1""" = /);
});
