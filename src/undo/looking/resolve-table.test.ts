import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTablePatterns } from '../../change/table-pattern.ts';
import { resolvePatterns, resolveTable } from './resolve-table.ts';
import type { SearchableLog } from './searchable-log.ts';

const TABLES = [
  { schema: 'public', name: 'accounts' },
  { schema: 'public', name: 'orders' },
  { schema: 'archive', name: 'orders' },
  { schema: 'we ird', name: 'Ta"ble.x' },
  { schema: 'public', name: 'a*' },
];
// Only its tables are looked at.
const log = { tables: () => TABLES } as unknown as SearchableLog;

test('a table is named as it is shown, alone, or as SQL has it', () => {
  for (const text of ['accounts', 'public.accounts', '"accounts"', 'public."accounts"']) {
    assert.deepEqual(resolveTable(log, 'main', text), TABLES[0], text);
  }
  for (const text of ['we ird.Ta"ble.x', '"we ird"."Ta""ble.x"', 'Ta"ble.x', '"Ta""ble.x"']) {
    assert.deepEqual(resolveTable(log, 'main', text), TABLES[3], text);
  }
});

test('a name that several schemas have, or none, is refused', () => {
  assert.throws(() => resolveTable(log, 'main', 'orders'), {
    code: 'TABLE_AMBIGUOUS',
    message: /archive\.orders, public\.orders/,
  });
  assert.throws(() => resolveTable(log, 'main', 'Accounts'), { code: 'TABLE_NOT_LOGGED' });
});

test('what a person wrote becomes patterns that mean just that', () => {
  const written = ['accounts', 'public.a*', 'we ird.Ta"ble.x', '!archive.*', 'archive.o*'];
  const patterns = resolvePatterns(log, 'main', written);
  assert.deepEqual(patterns, [
    'public.accounts',
    'public."a*"',
    '"we ird"."Ta""ble.x"',
    '!archive.*',
    'archive.o*',
  ]);
  const compiled = compileTablePatterns(patterns);
  assert.ok(compiled.matches('we ird', 'Ta"ble.x'));
  assert.ok(!compiled.matches('public', 'abc'));
  assert.throws(() => resolvePatterns(log, 'main', ['nosuch']), { code: 'TABLE_NOT_LOGGED' });
});

test('a table that was moved to another schema is one, and two of a name are two', () => {
  const moved = ['public', 'archive'].map((schema, id) => ({
    id,
    schema,
    name: 'orders',
    origin: { id: '70' },
  }));
  const of = (tables: readonly object[]) => ({ tables: () => tables }) as unknown as SearchableLog;
  assert.deepEqual(resolveTable(of(moved), 'main', 'orders'), {
    schema: 'archive',
    name: 'orders',
  });
  const another = { id: 2, schema: 'public', name: 'orders', origin: { id: '71' } };
  assert.throws(() => resolveTable(of([...moved, another]), 'main', 'orders'), {
    code: 'TABLE_AMBIGUOUS',
  });
});
