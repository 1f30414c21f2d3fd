import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Column, TableDefinition } from '../../change/table.ts';
import { isTidingsError } from '../../errors/tidings-error.ts';
import { parseRowKey } from './row-key.ts';

const integer: Column = { name: 'id', type: 'integer', kind: 'integer', array: false };
const text: Column = { name: 'a b', type: 'text', kind: 'text', array: false };
const uuid: Column = { name: 'u', type: 'uuid', kind: 'other', array: false };

function table(
  columns: readonly Column[],
  key = columns.map((_, place) => place),
): TableDefinition {
  return { schema: 'public', name: 't', columns, key, identity: 'full', dialect: 'postgres' };
}

test('a key as people write it becomes the text that the log has', () => {
  const cases: [readonly Column[], string, string][] = [
    [[integer], '7', '7'],
    [[integer], '+007', '7'],
    [[integer], 'id=-7', '-7'],
    [[integer], '9007199254740993', '9007199254740993'],
    [[text], 'x=y', 'x=y'],
    [[text], 'a b=x', 'x'],
    [[text], '"a b"="x,""y"""', 'x,"y"'],
    [[text], '', ''],
    [[uuid], 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    [[integer, text], 'a b=x,id=1', '["1","x"]'],
    [[integer, text], 'id=1,a b="x,y"', '["1","x,y"]'],
    [[integer, text], '["1","x"]', '["1","x"]'],
  ];
  for (const [columns, written, key] of cases) {
    assert.deepEqual(parseRowKey([table(columns)], written), [key], written);
  }
});

test('every set of key columns that fits counts, the newest first', () => {
  const versions = [table([integer, text], [0]), table([integer, text], [1])];
  assert.deepEqual(parseRowKey(versions, 'id=7'), ['7']);
  assert.deepEqual(parseRowKey(versions, '007'), ['007', '7']);
});

test('what is no key is refused with what is missing', () => {
  const refused: [readonly Column[], string, RegExp][] = [
    [[integer, text], '7', /not all of its columns/],
    [[integer, text], 'id=7', /a b is missing/],
    [[integer, text], '["7"]', /1 values for 2 columns/],
  ];
  for (const [columns, written, problem] of refused) {
    assert.throws(
      () => parseRowKey([table(columns)], written),
      (error) => isTidingsError(error, 'KEY_INVALID') && problem.test(error.message),
      written,
    );
  }
  assert.throws(
    () => parseRowKey([table([integer], [])], '7'),
    (error) => isTidingsError(error, 'TABLE_WITHOUT_KEY'),
  );
});
