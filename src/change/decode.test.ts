import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Change } from './change.ts';
import { createChangeDecoder } from './decode.ts';
import type { Dialect } from './dialect.ts';
import { type Cell, decodeImages, encodeImages, type RowImages } from './row-images.ts';
import { readStoredRows, type StoredRow } from './stored-rows.ts';
import type { StoredChange } from './stored-change.ts';
import type { Column, TableDefinition } from './table.ts';

/** Numbers for integers, text for the rest: enough to see which reader was used. */
const dialect: Dialect = {
  name: 'simple',
  reader: (column) => (column.kind === 'integer' ? Number : (text) => text),
};

const column = (name: string, kind: Column['kind'] = 'text'): Column => ({
  name,
  kind,
  type: kind,
  array: false,
});

const accounts: TableDefinition = {
  schema: 'public',
  name: 'accounts',
  columns: [column('id', 'integer'), column('email'), column('bio')],
  key: [0],
  identity: 'full',
  dialect: 'simple',
};

const transaction: StoredChange['transaction'] = {
  first: 100,
  last: 102,
  id: '7712',
  position: '000000000A1B2C3D',
  committedAt: 1_795_000_000_123_456,
  context: null,
};

interface Parts extends Partial<Omit<StoredChange, 'images'>> {
  readonly images?: Partial<RowImages>;
}

function stored({ images = {}, ...rest }: Parts): StoredChange {
  return {
    offset: 101,
    table: accounts,
    operation: 'update',
    key: '7',
    previousKey: null,
    transaction,
    images: encodeImages({ before: null, after: null, ...images }),
    ...rest,
  };
}

const decode = (parts: Parts): Change =>
  createChangeDecoder('main', [dialect]).decode(stored(parts));

test('an update with its whole old row tells what changed', () => {
  const change = decode({
    images: {
      before: { kind: 'old', cells: ['7', 'old@example.com', null] },
      after: ['7', 'new@example.com', null],
    },
  });
  assert.deepEqual(change, {
    id: 'main:000000000A1B2C3D:1',
    source: 'main',
    offset: 101,
    operation: 'update',
    schema: 'public',
    table: 'accounts',
    key: { id: 7 },
    before: { id: 7, email: 'old@example.com', bio: null },
    after: { id: 7, email: 'new@example.com', bio: null },
    changed: ['email'],
    transaction: {
      id: '7712',
      position: '000000000A1B2C3D',
      index: 1,
      last: false,
      committedAt: '2026-11-18T11:06:40.123456Z',
      context: null,
    },
  } satisfies Change);
});

test('null, the empty text and a missing value are three things', () => {
  const change = decode({
    images: { before: { kind: 'old', cells: ['7', '', null] }, after: ['7', null, ''] },
  });
  assert.deepEqual(change.changed, ['email', 'bio']);
  assert.deepEqual(change.after, { id: 7, email: null, bio: '' });
  const inserted = decode({ operation: 'insert', images: { after: ['7', '', undefined] } });
  assert.deepEqual(inserted.after, { id: 7, email: '' });
});

test('a large value that an update left alone comes from the old row', () => {
  const change = decode({
    images: {
      before: { kind: 'old', cells: ['7', 'a', 'long text'] },
      after: ['7', 'b', undefined],
    },
  });
  assert.deepEqual(change.after, { id: 7, email: 'b', bio: 'long text' });
  assert.deepEqual(change.changed, ['email']);
});

test('without the old row such a value is left out, and never null', () => {
  const change = decode({ images: { after: ['7', 'b', undefined] } });
  assert.deepEqual(change.after, { id: 7, email: 'b' });
  assert.equal(change.before, null);
  assert.equal(change.changed, null);
});

test('a value that neither image knows makes no claim', () => {
  const both = decode({
    images: {
      before: { kind: 'old', cells: ['7', 'a', undefined] },
      after: ['7', 'a', undefined],
    },
  });
  assert.deepEqual(both.after, { id: 7, email: 'a' });
  assert.deepEqual(both.changed, [], 'left out means unchanged');
  const old = decode({
    images: { before: { kind: 'old', cells: ['7', 'a', undefined] }, after: ['7', 'a', 'x'] },
  });
  assert.equal(old.changed, null, 'the old value might have been the same');
});

test('an inherited name is no value: columns called like members of Object', () => {
  const table = { ...accounts, columns: [column('id', 'integer'), column('toString')] };
  const change = decode({
    table,
    images: { before: { kind: 'old', cells: ['7', undefined] }, after: ['7', undefined] },
  });
  assert.deepEqual(Object.keys(change.after ?? {}), ['id']);
});

test('of a key image only the key is known, whatever its other cells say', () => {
  const change = decode({
    key: '8',
    previousKey: '7',
    images: { before: { kind: 'key', cells: ['7', null, null] }, after: ['8', 'a', 'b'] },
  });
  assert.deepEqual(change.before, { id: 7 });
  assert.deepEqual(change.key, { id: 8 });
  assert.equal(change.changed, null);
  const deleted = decode({
    operation: 'delete',
    images: { before: { kind: 'key', cells: ['7', null, null] } },
  });
  assert.deepEqual([deleted.before, deleted.key, deleted.changed], [{ id: 7 }, { id: 7 }, null]);
});

test('only updates tell what changed', () => {
  for (const [operation, images] of [
    ['insert', { after: ['7', 'a', 'b'] }],
    ['delete', { before: { kind: 'old', cells: ['7', 'a', 'b'] } }],
    ['truncate', {}],
  ] as const) {
    assert.equal(decode({ operation, images }).changed, null, operation);
  }
});

test('a truncate has neither rows nor key', () => {
  const { key, before, after } = decode({ operation: 'truncate', key: null });
  assert.deepEqual([key, before, after], [null, null, null]);
});

test('a key of several columns keeps their order, also when a cell was left out', () => {
  const table = { ...accounts, key: [1, 0] };
  const change = decode({
    table,
    key: '["a","7"]',
    images: { after: [undefined, 'a', null] },
  });
  assert.equal(JSON.stringify(change.key), '{"email":"a","id":7}');
  assert.deepEqual(change.after, { email: 'a', bio: null });
});

test('a table without a key has none', () => {
  const table = { ...accounts, key: [] };
  assert.equal(decode({ table, key: null, images: { after: ['7', 'a', 'b'] } }).key, null);
});

test('a column named __proto__ is a column', () => {
  const table = { ...accounts, columns: [column('id', 'integer'), column('__proto__')] };
  const { before, after } = decode({
    table,
    images: { before: { kind: 'old', cells: ['7', 'x'] }, after: ['7', 'x'] },
  });
  for (const row of [before, after]) {
    assert.equal(JSON.stringify(row), '{"id":7,"__proto__":"x"}');
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
  }
});

test('the first and the last change of a transaction know their place', () => {
  assert.deepEqual(
    [100, 101, 102].map((offset) => {
      const { id, transaction: place } = decode({ offset, operation: 'truncate', key: null });
      return [id, place.index, place.last];
    }),
    [
      ['main:000000000A1B2C3D:0', 0, false],
      ['main:000000000A1B2C3D:1', 1, false],
      ['main:000000000A1B2C3D:2', 2, true],
    ],
  );
});

test('the context is JSON, shared and frozen; other text stays text', () => {
  const decoder = createChangeDecoder('main', [dialect]);
  const context = '{"actor":"ann","big":9007199254740993,"tags":["a"]}';
  const withContext = { ...transaction, context };
  const [first, second] = [100, 101].map((offset) =>
    decoder.decode(
      stored({ offset, transaction: withContext, images: { after: ['7', 'a', 'b'] } }),
    ),
  );
  assert.deepEqual(first?.transaction.context, {
    actor: 'ann',
    big: '9007199254740993',
    tags: ['a'],
  });
  assert.equal(first?.transaction.context, second?.transaction.context);
  const shared = first?.transaction.context as { tags: string[] };
  assert.throws(() => shared.tags.push('b'), TypeError);
  const text = { ...transaction, context: 'no json' };
  assert.equal(decode({ operation: 'truncate', transaction: text }).transaction.context, 'no json');
});

test('a change is plain data', () => {
  const change = decode({
    images: { before: { kind: 'old', cells: ['7', 'a', 'b'] }, after: ['7', 'b', undefined] },
  });
  assert.deepEqual(structuredClone(change), change);
  assert.deepEqual(JSON.parse(JSON.stringify(change)), change);
  assert.deepEqual({ ...change }, change);
});

test('a table of an unknown dialect is a defect', () => {
  assert.throws(() => decode({ table: { ...accounts, dialect: 'oracle' } }), /No dialect oracle/);
});

test('a view reads single values like the whole change does', () => {
  const decoder = createChangeDecoder('main', [dialect]);
  const view = decoder.view(
    stored({
      images: { before: { kind: 'old', cells: ['7', 'a', 'long'] }, after: ['7', null, undefined] },
    }),
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => view.value('after', index)),
    [7, null, 'long', undefined],
  );
  assert.deepEqual(view.key, { id: 7 });
  assert.deepEqual(view.change, decoder.decode(view.stored));
  assert.equal(view.change, view.change, 'made once');
});

const cell: fc.Arbitrary<Cell> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(null, undefined, '', 'same'),
);
const cells = fc.array(cell, { minLength: 3, maxLength: 3 });

test('property: decode(encode(row)) is the row', () => {
  const decoder = createChangeDecoder('main', [dialect]);
  const table = { ...accounts, columns: ['a', 'b', 'c'].map((name) => column(name)), key: [] };
  fc.assert(
    fc.property(cells, cells, (before, after) => {
      const images = { before: { kind: 'old', cells: before }, after } as const;
      const view = decoder.view(stored({ table, key: null, images }));
      const effective = after.map((value, index) => (value === undefined ? before[index] : value));
      const toRow = (values: readonly Cell[]): object =>
        Object.fromEntries(
          ['a', 'b', 'c'].flatMap((name, index) =>
            values[index] === undefined ? [] : [[name, values[index]]],
          ),
        );
      assert.deepEqual(view.change.before, toRow(before));
      assert.deepEqual(view.change.after, toRow(effective));
      const unknown = after.some((value, i) => value !== undefined && before[i] === undefined);
      const differing = ['a', 'b', 'c'].filter((_, i) => effective[i] !== before[i]);
      assert.deepEqual(view.changed, unknown ? null : differing);
      for (const index of [0, 1, 2]) {
        assert.deepEqual(view.value('after', index), effective[index]);
        assert.deepEqual(view.value('before', index), before[index]);
      }
    }),
    { numRuns: 1000 },
  );
});

test('property: finding cells and decoding all of them agree', () => {
  const texts = (row: StoredRow | null, count: number): Cell[] | null =>
    row === null ? null : Array.from({ length: count }, (_, index) => row.cell(index));
  fc.assert(
    fc.property(cells, fc.option(cells), fc.boolean(), (first, second, whole) => {
      const kind = whole ? ('old' as const) : ('key' as const);
      const bytes = encodeImages({ before: { kind, cells: first }, after: second });
      const rows = readStoredRows(bytes);
      const decoded = decodeImages(bytes);
      assert.equal(rows.before?.kind, decoded.before?.kind);
      assert.deepEqual(texts(rows.before, 3), decoded.before?.cells);
      assert.deepEqual(texts(rows.after, 3), decoded.after);
    }),
  );
});

test('malformed images are a RangeError, wherever they are cut', () => {
  const bytes = encodeImages({
    before: { kind: 'old', cells: ['7', null, undefined] },
    after: ['8', 'text', ''],
  });
  const whole = encodeImages({
    before: { kind: 'old', cells: ['7', null, undefined] },
    after: null,
  });
  for (let length = 1; length < bytes.length; length++) {
    if (length === whole.length) continue;
    assert.throws(() => readStoredRows(bytes.subarray(0, length)), RangeError, `${length} bytes`);
  }
  assert.throws(() => readStoredRows(Buffer.from('X')), /unknown marker 0x58/);
  assert.throws(() => readStoredRows(Buffer.from([0x4e, 0, 1, 0x62])), /unknown cell kind 0x62/);
});
