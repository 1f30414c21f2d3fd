import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { test } from 'node:test';
import { inserted } from '../../test/support/large-change.ts';
import { ValueMatcher, type ValueCondition } from './looking/value-condition.ts';
import { requireText, requireTexts } from './require-text.ts';

const MOST = constants.MAX_STRING_LENGTH;

test('an undo is refused for the change whose value no text can hold, and for no other', async () => {
  assert.throws(
    () => requireText('main', inserted(MOST + 1)),
    (error: Error & { readonly code?: string }) => {
      assert.equal(error.code, 'UNDO_VALUE_TOO_LARGE');
      assert.match(error.message, /^Change main:0A:1 of public\.files \(offset 101\) /);
      assert.match(
        error.message,
        new RegExp(`column body has a value whose text is ${MOST + 1} b`),
      );
      return true;
    },
  );
  requireText('main', inserted(MOST));
  requireText('main', inserted(10));
  const pages = (async function* () {
    yield [inserted(10)];
    yield [inserted(10), inserted(MOST + 1)];
  })();
  let passed = 0;
  const read = async (): Promise<void> => {
    for await (const page of requireTexts('main', pages)) passed += page.length;
  };
  await assert.rejects(read(), { code: 'UNDO_VALUE_TOO_LARGE' });
  assert.equal(passed, 1);
});

test('a search for a value goes past one that no text can hold', () => {
  const matches = (condition: Omit<ValueCondition, 'side'>): boolean | null =>
    new ValueMatcher({ ...condition, side: 'after' }, (_, text) => text).matches(
      inserted(MOST + 1),
    );
  assert.equal(matches({ column: 'body', value: 'x' }), false);
  assert.equal(matches({ column: 'body', value: null }), false);
  assert.equal(matches({ column: 'note', value: 'note' }), true);
});
