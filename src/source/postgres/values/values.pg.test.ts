import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type pg from 'pg';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { POSTGRES_DIALECT } from './dialect.ts';
import { builtinType, kindOfCatalogType } from './types.ts';

/** A database whose session prints values as the dialect reads them. */
async function openDatabase(): Promise<TestDatabase> {
  const database = await freshDatabase();
  await database.client.query(`SET timezone = 'UTC'; SET bytea_output = 'hex';
    SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1`);
  return database;
}

/** Hands on the server's own text: a cast to text prints booleans differently. */
const ownText = { getTypeParser: () => (text: string) => text };

/** A value's text as PostgreSQL prints it, read as a column of that type. */
async function readBack(client: pg.Client, expression: string, type: string): Promise<unknown> {
  const { rows } = await client.query<{ text: string; oid: string }>({
    text: `SELECT (${expression})::${type} AS text, '${type}'::regtype::oid AS oid`,
    types: ownText,
  });
  const [row] = rows;
  assert.ok(row);
  const described = builtinType(Number(row.oid));
  assert.ok(described, type);
  return POSTGRES_DIALECT.reader({ name: 'c', ...described })(row.text);
}

test('names and modifiers of built-in types are what format_type prints', async () => {
  await using database = await openDatabase();
  const { client } = database;
  const types = `bit;bit(3);bit varying;varbit(7);char;char(9);bpchar;varchar;varchar(20);numeric;
    numeric(10,2);numeric(3,-2);numeric(2,5);time;time(3);timetz;timetz(0);timestamp;timestamp(3);
    timestamptz;timestamptz(6);interval;interval(2);interval year;interval month;interval day;
    interval hour;interval minute;interval second;interval second(2);interval year to month;
    interval day to hour;interval day to minute;interval day to second;interval day to second(3);
    interval hour to minute;interval hour to second;interval minute to second;int8;float4;"char";
    name;uuid;box`
    .split(';')
    .map((type) => type.trim());
  const columns = types.flatMap((type) => [type, `${type}[]`]).map((type, i) => `c${i} ${type}`);
  await client.query(`CREATE TABLE all_types (${columns.join(', ')})`);
  const { rows } = await client.query<{ oid: number; modifier: number; name: string }>(
    `SELECT atttypid::int AS oid, atttypmod AS modifier, format_type(atttypid, atttypmod) AS name
     FROM pg_attribute WHERE attrelid = 'all_types'::regclass AND attnum > 0`,
  );
  assert.equal(rows.length, types.length * 2);
  for (const { oid, modifier, name } of rows) assert.equal(builtinType(oid, modifier)?.type, name);
});

test('every built-in type that a column can have is known', async () => {
  await using database = await openDatabase();
  const { rows } = await database.client.query<{ oid: number; name: string; array: boolean }>(
    `SELECT oid::int, format_type(oid, -1) AS name, typcategory = 'A' AS array
     FROM pg_type t
     WHERE oid < 10000 AND typtype IN ('b', 'r', 'm')
       AND NOT EXISTS (SELECT FROM pg_class c WHERE c.reltype = t.typelem AND t.typelem <> 0)
       AND typname NOT IN ('cstring', '_cstring', 'gtsvector', '_gtsvector', 'pg_node_tree',
         'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary',
         'pg_brin_minmax_multi_summary')`,
  );
  assert.ok(rows.length > 100);
  // Vectors print like no array, and box[] separates by semicolons: they keep their text.
  const ownForm = ['int2vector', 'oidvector', 'box[]'];
  for (const { oid, name, array } of rows) {
    const described = builtinType(oid);
    assert.equal(described?.type, name);
    assert.equal(described?.array, array && !ownForm.includes(name), name);
  }
  assert.equal(builtinType(99999), undefined);
});

test('types of the catalogue: enums and strings are text', async () => {
  await using database = await openDatabase();
  const { client } = database;
  await client.query(`CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, b text)`);
  const { rows } = await client.query<{ typtype: string; typcategory: string; name: string }>(
    `SELECT typname AS name, typtype, typcategory FROM pg_type WHERE typname IN ('mood', 'pair')
     ORDER BY typname`,
  );
  assert.deepEqual(rows.map(kindOfCatalogType), ['text', 'other']);
  assert.equal(kindOfCatalogType({ typtype: 'b', typcategory: 'S' }), 'text', 'citext');
});

test('values as PostgreSQL prints them', async () => {
  await using database = await openDatabase();
  const { client } = database;
  const cases: [string, string, unknown][] = [
    ['true', 'boolean', true],
    ['9223372036854775807', 'bigint', '9223372036854775807'],
    ["'-0'", 'double precision', '-0'],
    ["'1e-320'", 'double precision', 1e-320],
    ["'0.1'", 'real', 0.1],
    ["'3.4028235e38'", 'real', 3.4028235e38],
    ["'NaN'", 'numeric', 'NaN'],
    ['1.10', 'numeric(10,4)', '1.1000'],
    ["'\\xdeadbeef'", 'bytea', '3q2+7w=='],
    [`'{"a":1.0,"b":1e400}'`, 'json', { a: 1, b: '1e400' }],
    [`'{"b":12345678901234567890,"b":2,"a":0.1}'`, 'jsonb', { a: 0.1, b: 2 }],
    ["'0044-03-15 BC'", 'date', '0044-03-15 BC'],
    ["'infinity'", 'timestamptz', 'infinity'],
    ["'2026-02-28 12:00:00.000001+02'", 'timestamptz', '2026-02-28T10:00:00.000001Z'],
    ["'2026-02-28 12:00'", 'timestamp', '2026-02-28T12:00:00'],
    ["'12:00:00.5+05:30'", 'timetz', '12:00:00.5+05:30'],
    ["'1 year 2 days 03:04:05'", 'interval', '1 year 2 days 03:04:05'],
    [
      "ARRAY[NULL, 'NULL', '', 'a\"b\\\\c', '{x}']",
      'text[]',
      [null, 'NULL', '', 'a"b\\\\c', '{x}'],
    ],
    [
      "'{{1,2},{3,4}}'",
      'int[]',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ["'[0:1]={1,2}'", 'int[]', '[0:1]={1,2}'],
    [`ARRAY['{"a": [1]}'::jsonb]`, 'jsonb[]', [{ a: [1] }]],
    ["ARRAY['\\xdead'::bytea]", 'bytea[]', ['3q0=']],
    ["ARRAY['[1,2)'::int4range, 'empty']", 'int4range[]', ['[1,2)', 'empty']],
    ["'{(1,1),(0,0);(2,2),(1,1)}'", 'box[]', '{(1,1),(0,0);(2,2),(1,1)}'],
    ["ARRAY[inet '10.0.0.1/8']", 'inet[]', ['10.0.0.1/8']],
    ["'1 2 3'", 'int2vector', '1 2 3'],
  ];
  for (const [expression, type, value] of cases) {
    assert.deepEqual(await readBack(client, expression, type), value, `${expression}::${type}`);
  }
});

test('bytea in escape form is the same bytes', async () => {
  await using database = await openDatabase();
  const { client } = database;
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  await client.query('SET bytea_output = escape');
  try {
    const { rows } = await client.query<{ text: string }>('SELECT $1::bytea::text AS text', [
      bytes,
    ]);
    const reader = POSTGRES_DIALECT.reader({
      name: 'c',
      type: 'bytea',
      kind: 'bytes',
      array: false,
    });
    assert.equal(reader(rows[0]?.text ?? ''), bytes.toString('base64'));
  } finally {
    await client.query('SET bytea_output = hex');
  }
});

test('property: arrays of any text come back from PostgreSQL as they went', async () => {
  await using database = await openDatabase();
  const { client } = database;
  const element = fc.option(
    fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
  );
  const reader = POSTGRES_DIALECT.reader({ name: 'c', type: 'text[]', kind: 'text', array: true });
  await fc.assert(
    fc.asyncProperty(fc.array(element, { maxLength: 8 }), async (list) => {
      const { rows } = await client.query<{ text: string }>('SELECT $1::text[]::text AS text', [
        list,
      ]);
      assert.deepEqual(reader(rows[0]?.text ?? ''), list);
    }),
    { numRuns: 300 },
  );
});

test('a double is a number also where PostgreSQL chooses other last digits', () => {
  const read = POSTGRES_DIALECT.reader({ name: 'c', type: 'float8', kind: 'float', array: false });
  assert.equal(read('6.0981059026370064e+16'), 60981059026370060);
  assert.equal(read('0.12345678901234567890'), '0.12345678901234567890');
});

test('property: any double and any JSON come back from PostgreSQL as they went', async () => {
  await using database = await openDatabase();
  const { client } = database;
  const float = POSTGRES_DIALECT.reader({ name: 'c', type: 'float8', kind: 'float', array: false });
  const json = POSTGRES_DIALECT.reader({ name: 'c', type: 'json', kind: 'json', array: false });
  const value = fc.record({ number: fc.double(), json: fc.jsonValue() });
  await fc.assert(
    fc.asyncProperty(value, async ({ number, json: document }) => {
      const text = Object.is(number, -0) ? '-0' : String(number);
      const { rows } = await client.query<{ float: string; json: string }>(
        'SELECT $1::text::float8::text AS float, $2::text::json::text AS json',
        [text, JSON.stringify(document)],
      );
      const special = !Number.isFinite(number) || Object.is(number, -0);
      assert.equal(float(rows[0]?.float ?? ''), special ? text : number);
      assert.deepEqual(json(rows[0]?.json ?? ''), JSON.parse(JSON.stringify(document)));
    }),
    { numRuns: 200 },
  );
});
