import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Change, type Operation, OPERATIONS } from '../change/change.ts';
import { type ChangeView, createChangeDecoder } from '../change/decode.ts';
import type { Dialect } from '../change/dialect.ts';
import { type Cell, encodeImages } from '../change/row-images.ts';
import type { TableDefinition } from '../change/table.ts';
import { isTidingsError } from '../errors/tidings-error.ts';
import { projectChange, projectRow } from './columns.ts';
import { compileFilter } from './filter.ts';

const dialect: Dialect = { name: 'plain', reader: () => (text) => text };
const COLUMNS = ['id', 'email', 'balance', 'note'];

const table: TableDefinition = {
  schema: 'public',
  name: 'accounts',
  columns: COLUMNS.map((name) => ({ name, type: 'text', kind: 'text', array: false })),
  key: [0],
  identity: 'full',
  dialect: 'plain',
};

interface Parts {
  readonly operation?: Operation;
  readonly before?: readonly Cell[] | null;
  readonly after?: readonly Cell[] | null;
  readonly previousKey?: string | null;
}

function view({
  operation = 'update',
  before = null,
  after = null,
  previousKey = null,
}: Parts): ChangeView {
  return createChangeDecoder('main', [dialect]).view({
    offset: 0,
    table,
    operation,
    key: '7',
    previousKey,
    images: encodeImages({
      before: before === null ? null : { kind: 'old', cells: before },
      after,
    }),
    transaction: { first: 0, last: 0, id: '1', position: 'p', committedAt: 0, context: null },
  });
}

const ROW = ['7', 'a', '1', 'x'];
const updateOf = (after: readonly Cell[]): ChangeView => view({ before: ROW, after });

test('tables, by pattern', () => {
  const filter = compileFilter({ tables: ['public.*', '!public.audit_*'] });
  assert.equal(filter.wantsTable(table), true);
  assert.equal(filter.wantsTable({ schema: 'public', name: 'audit_1' }), false);
  assert.equal(filter.wantsTable({ schema: 'other', name: 'accounts' }), false);
});

test('operations: all, or those that are listed', () => {
  for (const operation of OPERATIONS) {
    const change = view({ operation });
    assert.equal(compileFilter({ tables: ['public.*'] }).matches(change), true);
    const inserts = compileFilter({ tables: ['public.*'], operations: ['insert'] });
    assert.equal(inserts.matches(change), operation === 'insert');
  }
});

test('columns: an update that touches none of them is not sent', () => {
  const filter = compileFilter({ tables: ['public.*'], columns: ['email', 'balance'] });
  assert.equal(filter.matches(updateOf(['7', 'b', '1', 'x'])), true);
  assert.equal(filter.matches(updateOf(['7', 'b', '2', 'y'])), true);
  assert.equal(filter.matches(updateOf(['7', 'a', '1', 'y'])), false);
  assert.equal(filter.matches(updateOf(ROW)), false, 'an update that changed nothing');
  assert.equal(filter.matches(updateOf(['7', 'a', undefined, 'y'])), false);
});

test('columns: what may have touched them is sent', () => {
  const filter = compileFilter({ tables: ['public.*'], columns: ['email'] });
  assert.equal(filter.matches(view({ after: ROW })), true, 'the old row is not known');
  for (const operation of ['insert', 'delete', 'truncate'] as const) {
    assert.equal(filter.matches(view({ operation, before: ROW })), true, operation);
  }
});

test('columns: a change of the key is sent, or the subscriber would keep the row under the old one', () => {
  const filter = compileFilter({ tables: ['public.*'], columns: ['email'] });
  const moved = view({ before: ROW, after: ['8', 'a', '1', 'x'], previousKey: '7' });
  assert.equal(filter.matches(moved), true);
});

test('columns that a table version does not have are reported, and hold back nothing alone', () => {
  const filter = compileFilter({ tables: ['public.*'], columns: ['mail', 'email'] });
  assert.deepEqual(filter.missingColumns(table), ['mail']);
  assert.equal(filter.matches(updateOf(['7', 'a', '1', 'y'])), false);
  const renamed = compileFilter({ tables: ['public.*'], columns: ['mail'] });
  assert.deepEqual(renamed.missingColumns(table), ['mail']);
  assert.equal(
    renamed.matches(updateOf(['7', 'a', '1', 'y'])),
    true,
    'better too much than nothing',
  );
  assert.deepEqual(compileFilter({ tables: ['public.*'] }).missingColumns(table), []);
});

test('operations and columns decide before the condition is looked at', () => {
  const definition = { tables: ['public.*'], where: 'after.no_such_column == "x"' };
  const change = updateOf(['7', 'a', '1', 'y']);
  assert.throws(() => compileFilter(definition).matches(change), { code: 'FILTER_FAILED' });
  assert.equal(compileFilter({ ...definition, operations: ['insert'] }).matches(change), false);
  assert.equal(compileFilter({ ...definition, columns: ['email'] }).matches(change), false);
});

test('definitions that are not valid have a code', () => {
  assert.throws(
    () => compileFilter({ tables: ['accounts'] }),
    (error) =>
      isTidingsError(error, 'TABLE_PATTERN_INVALID') &&
      error.message === 'Table pattern "accounts" names no schema.' &&
      error.hint.endsWith('public.accounts'),
  );
  assert.throws(() => compileFilter({ tables: ['a.b'], where: 'after.' }), {
    code: 'FILTER_INVALID',
  });
});

test('a row and a change limited to columns', () => {
  const columns = new Set(['email', 'id', 'nope']);
  assert.equal(
    JSON.stringify(projectRow({ id: 7, note: 'x', email: 'a' }, columns)),
    '{"id":7,"email":"a"}',
  );
  const change: Change = updateOf(['7', 'b', '1', 'y']).change;
  const projected = projectChange(change, columns);
  assert.deepEqual(projected, {
    ...change,
    before: { id: '7', email: 'a' },
    after: { id: '7', email: 'b' },
    changed: ['email'],
  });
  const unknown = { ...change, before: null, after: null, changed: null };
  assert.deepEqual(projectChange(unknown, columns), unknown);
  const odd = JSON.parse('{"__proto__":1,"id":2}') as { id: number };
  assert.deepEqual(Object.keys(projectRow(odd, new Set(['__proto__']))), ['__proto__']);
});

test('property: without a condition a filter is what its definition says', () => {
  const row = fc.tuple(
    fc.constant('7'),
    ...COLUMNS.slice(1).map(() => fc.constantFrom('a', 'b', null)),
  );
  const definition = fc.record({
    tables: fc.constant(['public.*']),
    operations: fc.subarray([...OPERATIONS]),
    columns: fc.subarray(COLUMNS, { minLength: 1 }),
  });
  fc.assert(
    fc.property(
      definition,
      fc.constantFrom(...OPERATIONS),
      row,
      row,
      (wanted, operation, before, after) => {
        const change = view({ operation, before, after });
        const touched = COLUMNS.some(
          (name, i) => wanted.columns.includes(name) && before[i] !== after[i],
        );
        const expected =
          wanted.operations.includes(operation) && (operation !== 'update' || touched);
        assert.equal(compileFilter(wanted).matches(change), expected);
      },
    ),
  );
});
