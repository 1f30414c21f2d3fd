import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { type List, readComposite, readList, writeComposite, writeList } from './value-texts.ts';

const text = fc.option(
  fc.oneof(
    fc.string({
      unit: fc.constantFrom('a', ' ', '"', '\\', ',', '(', ')', '{', '}', '\n', 'ü', "'"),
    }),
    fc.constantFrom('NULL', 'null', '', '\t', '\u000b', '()', '{}'),
  ),
);

test('property: composites and arrays are read and written as PostgreSQL prints them', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TYPE three AS (a text, b text, c text); CREATE TYPE one AS (a text)');
  const values = fc.sample(fc.tuple(text, text, text), { numRuns: 2_000, seed: 7 });
  const { rows } = await client.query<{ three: string; one: string; list: string; lists: string }>(
    `SELECT ROW(a, b, c)::three::text AS three, ROW(a)::one::text AS one, ARRAY[a, b, c]::text AS list,
       ARRAY[ARRAY[a, b], ARRAY[c, a]]::text AS lists
     FROM unnest($1::text[], $2::text[], $3::text[]) AS v (a, b, c)`,
    [0, 1, 2].map((place) => values.map((value) => value[place] ?? null)),
  );
  assert.equal(rows.length, values.length);
  for (const [index, row] of rows.entries()) {
    const [a = null, b = null, c = null] = values[index] ?? [];
    assert.deepEqual(readComposite(row.three), [a, b, c]);
    assert.deepEqual(readComposite(row.one), [a]);
    assert.equal(writeComposite([a, b, c]), row.three);
    assert.equal(writeComposite([a]), row.one);
    const lists: List = [
      [a, b],
      [c, a],
    ];
    assert.deepEqual(readList(row.list), [a, b, c]);
    assert.deepEqual(readList(row.lists), lists);
    assert.equal(writeList([a, b, c], same), row.list);
    assert.equal(writeList(lists, same), row.lists);
  }
});

function same(value: string): string {
  return value;
}

test('text of another form is not taken for a value', () => {
  for (const wrong of ['', '(', 'a', '(a', '(a))', '(a)b', '("a)', '("a"b)', '(a"b")']) {
    assert.equal(readComposite(wrong), null, wrong);
  }
  assert.equal(readList('[0:1]={1,2}'), null);
});
