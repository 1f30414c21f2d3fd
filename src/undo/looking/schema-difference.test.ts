import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Column, TypeShape } from '../../change/table.ts';
import {
  type ComparedTable,
  differenceText,
  schemaDifference,
  type SchemaDifference,
} from './schema-difference.ts';

const INT: TypeShape = { id: '23', is: 'base' };

function column(name: string, number?: number, type = 'integer', shape?: TypeShape): Column {
  return {
    name,
    type,
    kind: 'integer',
    array: false,
    ...(number === undefined ? {} : { number }),
    ...(shape === undefined ? {} : { shape }),
  };
}

function table(columns: readonly Column[], rest: Partial<ComparedTable> = {}): ComparedTable {
  return { columns, key: [0], origin: { id: '1' }, ...rest };
}

const text = (then: ComparedTable, later: ComparedTable): string | null => {
  const found: SchemaDifference | null = schemaDifference(then, later);
  return found === null ? null : differenceText(found);
};

describe('what makes one version of a table another', () => {
  const then = table([column('id', 1), column('name', 2), column('age', 3)]);

  test('columns that came, went, have another name or another type; and the key', () => {
    const later = table([
      column('id', 1),
      column('full_name', 2),
      column('age', 3, 'bigint'),
      column('nickname', 4),
    ]);
    assert.equal(text(then, later), '+ nickname, name → full_name, age: integer → bigint');
    assert.equal(text(later, then), '− nickname, full_name → name, age: bigint → integer');
    assert.equal(text(then, table(then.columns, { key: [1, 0] })), 'key: id → name, id');
    assert.equal(text(then, table(then.columns, { key: [] })), 'key: id → none');
  });

  test('one that was dropped and added again is another; one that was renamed is the same', () => {
    const again = table([column('id', 1), column('name', 4), column('age', 3)]);
    assert.equal(text(then, again), '+ name, − name');
    const renamed = table([column('key', 1), column('name', 2), column('age', 3)]);
    assert.equal(text(then, renamed), 'id → key');
  });

  test('names alone do not tell a rename from a column that went and one that came', () => {
    const later = table([column('id'), column('full_name'), column('age')]);
    assert.equal(text(then, later), '+ full_name, − name (or renamed)');
    const elsewhere = table([column('id', 7), column('name', 8), column('age', 9)], {
      origin: { id: '1', partition: { id: '2', schema: 'public', name: 'p' } },
    });
    assert.equal(text(then, elsewhere), null);
  });

  test('a computed column is none that was added where the version need not have it', () => {
    const now = (name: string, number: number, computed = ['total']): ComparedTable =>
      table([...then.columns, column(name, number)], { computed });
    assert.equal(text(then, now('total', 4)), null);
    assert.equal(text(then, now('total', 4, [])), '+ total', 'it is computed no more');
    assert.equal(text(then, now('other', 4)), '+ other');
    const reported = table([...then.columns, column('total', 4)]);
    assert.equal(text(reported, now('total', 4)), null);
    assert.equal(text(reported, now('total', 5)), '+ total, − total');
    assert.equal(text(reported, now('sum', 4, ['sum'])), 'total → sum');
    assert.equal(text(reported, { ...then, computed: [] }), '− total');
    const unnumbered = table([column('id'), column('name'), column('age')]);
    assert.equal(text(unnumbered, now('total', 4)), null);
  });

  test('what one of them does not know is no difference; nor are order, identity and new labels', () => {
    assert.equal(text(then, table(then.columns, { key: [], keyUnknown: true })), null);
    assert.equal(text(table([column('id', 1)]), table([column('id', 1, 'integer', INT)])), null);
    assert.equal(text(then, table(then.columns.toReversed(), { key: [2] })), null);
    const labels = (...all: string[]): TypeShape => ({
      id: '9',
      is: 'enum',
      labels: all.map((label, place) => [String(place), label] as const),
    });
    const mood = (shape: TypeShape, type = 'mood'): ComparedTable =>
      table([column('id', 1, type, shape)]);
    assert.equal(text(mood(labels('a')), mood(labels('a', 'b'))), null);
    assert.equal(text(mood(labels('a')), mood(labels('a'), 'feeling')), null, 'a type was renamed');
    const anew = { ...labels('a'), id: '10' };
    assert.equal(text(mood(labels('a')), mood(anew)), 'id: mood made of other parts');
  });
});
