import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TypeShape } from '../../../change/table.ts';
import { freshDatabase, MAJORS } from '../../../../test/support/postgres.ts';
import { readTypeShapes } from './type-shapes.ts';

const SCHEMA = `
  CREATE TYPE mood AS ENUM ('sad', 'happy');
  CREATE DOMAIN moods AS mood[] CHECK (value <> '{}');
  CREATE TYPE size AS (w int, gone int, h numeric(6,2), m moods);
  ALTER TYPE size DROP ATTRIBUTE gone;
  CREATE TYPE lengths AS RANGE (subtype = numeric);
  CREATE TYPE nothing AS ();
  CREATE TYPE empty AS ENUM ();
  CREATE TABLE t (m mood, ms moods, s size, ss size[], l lengths, lm lengths_multirange, n nothing, e empty,
    i int, ia int[], r int4range, p point, v int2vector)`;

for (const major of [MAJORS[0], 14] as const) {
  test(`types are taken apart down to what is built in, on PostgreSQL ${major}`, async () => {
    await using database = await freshDatabase(major);
    const { client } = database;
    await client.query(SCHEMA);
    const { rows } = await client.query<{ name: string; type: number }>(
      `SELECT attname::text AS name, atttypid::int8::int4 AS type FROM pg_attribute
       WHERE attrelid = 't'::regclass AND attnum > 0 ORDER BY attnum`,
    );
    const query = async (statement: { text: string; values: readonly unknown[] }) =>
      (await client.query<object>(statement.text, [...statement.values])).rows;
    const types = rows.map(({ type }) => type);
    const shapes = await readTypeShapes(query, [...types, 4_000_000_000]);
    assert.equal(shapes.has(4_000_000_000), false, 'a type that is not there is not known');
    const told = new Map(rows.map(({ name, type }) => [name, text(shapes.get(type))]));
    assert.deepEqual(Object.fromEntries(told), {
      m: 'enum(sad,happy)',
      ms: 'domain of array of enum(sad,happy)',
      s: 'composite(1 w:23,3 h:1700 393222,4 m:domain of array of enum(sad,happy))',
      ss: 'array of composite(1 w:23,3 h:1700 393222,4 m:domain of array of enum(sad,happy))',
      l: 'range of 1700',
      lm: 'range of 1700',
      n: 'composite()',
      e: 'enum()',
      i: '23',
      ia: 'array of 23',
      r: '3904',
      p: '600',
      v: '22',
    });
    const [mood] = types;
    const before = shapes.get(mood ?? 0);
    await client.query(
      `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TYPE mood ADD VALUE 'sad'`,
    );
    const after = (await readTypeShapes(query, types)).get(mood ?? 0);
    assert.equal(after?.id, before?.id);
    assert.equal(
      after?.labels?.[0]?.[0],
      before?.labels?.[0]?.[0],
      'a renamed label keeps its number',
    );
    assert.notEqual(after?.labels?.[2]?.[0], before?.labels?.[0]?.[0]);
  });
}

function text(shape: TypeShape | undefined): string {
  if (shape === undefined) return 'not known';
  const { id, is, labels = [], attributes = [], of } = shape;
  if (is === 'base') return id;
  if (is === 'enum') return `enum(${labels.map(([, label]) => label).join(',')})`;
  if (is !== 'composite') return `${is} of ${text(of)}`;
  const parts = attributes.map(
    ({ number, name, type, modifier }) =>
      `${number} ${name}:${text(type)}${modifier === undefined ? '' : ` ${modifier}`}`,
  );
  return `composite(${parts.join(',')})`;
}
