import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { test } from 'node:test';
import { CHANGE } from '../../test/support/fake-log.ts';
import { inserted } from '../../test/support/large-change.ts';
import { isTidingsError, type TidingsError } from '../errors/tidings-error.ts';
import { POSTGRES_DIALECT } from '../source/postgres/values/dialect.ts';
import { createChangeDecoder } from './decode.ts';
import { decodeListed } from './decode-listed.ts';
import { wireText } from './wire.ts';

const decoder = createChangeDecoder('main', [POSTGRES_DIALECT]);
const TOO_MANY = constants.MAX_STRING_LENGTH + 1;

function refusal(read: () => unknown): TidingsError {
  try {
    read();
  } catch (error) {
    assert.ok(isTidingsError(error, 'VALUE_TOO_LARGE'), String(error));
    return error;
  }
  return assert.fail('it was not refused');
}

test('a value that no text can hold is named by its change and column; all others can be read', () => {
  const view = decoder.view(inserted(TOO_MANY));
  const { details } = refusal(() => view.change);
  assert.deepEqual(details, {
    change: 'main:0A:1',
    table: 'public.files',
    column: 'body',
    bytes: TOO_MANY,
    limit: TOO_MANY - 1,
  });
  assert.deepEqual(refusal(() => view.value('after', 2)).details, details);
  assert.equal(view.value('after', 1), 'note');
  assert.deepEqual(view.key, { id: 1 });
  const change = view.only(new Set(['id', 'note']));
  assert.deepEqual(change.after, { id: 1, note: 'note' });
  assert.deepEqual([change.id, change.key], ['main:0A:1', { id: 1 }]);
});

test('a listing passes it over when somebody is told, and ends with it otherwise', () => {
  const told: string[] = [];
  const passed = decodeListed(decoder, inserted(TOO_MANY), ({ code }) => told.push(code));
  assert.deepEqual([passed, told], [null, ['VALUE_TOO_LARGE']]);
  refusal(() => decodeListed(decoder, inserted(TOO_MANY), undefined));
  assert.equal(decodeListed(decoder, inserted(10), undefined)?.offset, 101);
});

test('values that have room alone may have none together', () => {
  const half = 'x'.repeat(constants.MAX_STRING_LENGTH / 2);
  const change = { ...CHANGE, after: { id: 7, small: 'y', body: half, more: half } };
  const { details } = refusal(() => wireText(change));
  assert.equal(details['column'], 'body');
  assert.equal(details['change'], CHANGE.id);
});
