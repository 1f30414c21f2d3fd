import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { test } from 'node:test';
import { CHANGE } from '../../test/fake-log.ts';
import { isTidingsError, type TidingsError } from '../errors/tidings-error.ts';
import { POSTGRES_DIALECT } from '../source/postgres/dialect.ts';
import { createChangeDecoder } from './decode.ts';
import { decodeListed } from './decode-listed.ts';
import { encodeImages } from './row-images.ts';
import type { StoredChange } from './stored-change.ts';
import type { Column } from './table.ts';
import { wireText } from './wire.ts';

const column = (name: string, kind: Column['kind'] = 'text'): Column => ({
  name,
  kind,
  type: kind,
  array: false,
});

/** An insert of (1, 'note', a value of so many bytes). Memory that nobody wrote to costs nothing. */
function inserted(bytes: number): StoredChange {
  const start = encodeImages({ before: null, after: ['1', 'note', ''] });
  const images = Buffer.alloc(start.length + bytes);
  start.copy(images);
  images.writeUInt32BE(bytes, start.length - 4);
  return {
    offset: 101,
    table: {
      schema: 'public',
      name: 'files',
      columns: [column('id', 'integer'), column('note'), column('body')],
      key: [0],
      identity: 'full',
      dialect: POSTGRES_DIALECT.name,
    },
    operation: 'insert',
    key: '1',
    previousKey: null,
    images,
    transaction: { first: 100, last: 101, id: '7', position: '0A', committedAt: 0, context: null },
  };
}

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
