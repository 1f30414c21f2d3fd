import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSlot, openStream } from '../../../../test/support/captured-stream.ts';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import type { RecordedChange } from '../../../../test/support/recording-receiver.ts';
import type { Cell } from '../../../change/row-images.ts';
import { quoteIdentifier } from '../quote.ts';

/** A type, as a column is declared with it, and awkward values of it as their input text. */
interface TypeCase {
  readonly type: string;
  readonly values: readonly string[];
  /** The first major that has the type, or these values of it. Default: all. */
  readonly since?: number;
}

const LARGE = 'x'.repeat(100_000);
/** The most digits that numeric has on either side of its point. */
const HUGE = `${'9'.repeat(131_072)}.${'7'.repeat(16_383)}`;
const TEXTS = [
  '',
  ' ',
  'NULL',
  'null',
  '\\N',
  '"',
  "'",
  ',',
  '{}',
  '{a,b}',
  '\\',
  '\n\t\r',
  '\u0001',
  'ünïcode',
  'e\u0301',
  '🐘👩‍👩‍👧',
  '\uFFFF',
  '日本語',
  '-0',
  'infinity',
  '(1,2)',
  '[1,2)',
];
const DATES = ['infinity', '-infinity', '4713-01-01 BC', '0001-12-31 BC', '5874897-12-31'];
const SECONDS = ['00:00:00', '24:00:00', '23:59:59.999999', '12:34:56.7'];
const STAMPS = ['4713-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999', '2026-03-29 02:30:00'];

/** Types that PostgreSQL has from the start. */
const BUILTIN: readonly TypeCase[] = [
  { type: 'boolean', values: ['t', 'f'] },
  { type: 'smallint', values: ['-32768', '32767', '0'] },
  { type: 'integer', values: ['-2147483648', '2147483647', '0'] },
  { type: 'bigint', values: ['-9223372036854775808', '9223372036854775807', '9007199254740993'] },
  { type: 'oid', values: ['0', '4294967295'] },
  { type: 'real', values: ['NaN', 'Infinity', '-Infinity', '-0', '1e-45', '3.4028235e38', '0.1'] },
  {
    type: 'double precision',
    values: [
      'NaN',
      'Infinity',
      '-Infinity',
      '-0',
      '5e-324',
      '1.7976931348623157e308',
      '0.1',
      '0.3',
    ],
  },
  { type: 'numeric', values: ['NaN', '0', '-0.000', '1.500', '1e-1000', HUGE, `-${HUGE}`] },
  { type: 'numeric', values: ['Infinity', '-Infinity'] },
  { type: 'numeric(20,5)', values: ['123456789012345.67890', '-0.00001'] },
  { type: 'numeric(5,-2)', values: ['123456', '-100'], since: 15 },
  { type: 'numeric(3,5)', values: ['0.00123'], since: 15 },
  { type: 'money', values: ['-92233720368547758.08', '92233720368547758.07', '0.01'] },
  { type: 'text', values: [...TEXTS, LARGE] },
  { type: 'varchar(30)', values: TEXTS },
  { type: 'char(30)', values: TEXTS },
  { type: '"char"', values: ['', 'a', '\\377'] },
  { type: 'name', values: ['', 'a"b', 'ünïcode'] },
  { type: 'bytea', values: ['', '\\x00', '\\xdeadBEEF', `\\x${'00ff'.repeat(50_000)}`] },
  { type: 'bit(5)', values: ['10101', '00000'] },
  { type: 'varbit', values: ['', '1', '0'.repeat(200)] },
  { type: 'date', values: [...DATES, '2026-11-21', '10000-01-01'] },
  { type: 'time', values: SECONDS },
  { type: 'time(2)', values: ['12:34:56.789'] },
  {
    type: 'timetz',
    values: ['24:00:00+15:59', '00:00:00-15:59', '12:34:56.7+00', '01:02:03+05:30:15'],
  },
  { type: 'timestamp', values: [...STAMPS, 'infinity', '-infinity', '0001-01-01 00:00:00'] },
  {
    type: 'timestamptz',
    values: [...STAMPS.map((stamp) => stamp.replace(/( BC)?$/, '+00$1')), 'infinity', '-infinity'],
  },
  { type: 'timestamptz(0)', values: ['2026-10-25 02:30:00.6+02', '1900-01-01 00:00:00+00:19:32'] },
  {
    type: 'interval',
    values: [
      '0',
      '1 year 2 mons -3 days 04:05:06.789',
      '-1 mon +1 day -00:00:00.000001',
      '178000000 years',
      '-178000000 years',
      '00:00:59.999999',
      '2147483647 days',
    ],
  },
  { type: 'interval', values: ['infinity', '-infinity'], since: 17 },
  { type: 'interval day to second(3)', values: ['1 day 02:03:04.5678'] },
  {
    type: 'json',
    values: [
      'null',
      '"null"',
      '{}',
      '[ ]',
      ' { "a" : 1.50 , "a" : 1e400 } ',
      '12345678901234567890.10',
      '"\\u0000\\ud800"',
      '"🐘"',
      JSON.stringify(LARGE),
    ],
  },
  {
    type: 'jsonb',
    values: [
      'null',
      '{}',
      '{"b": 1.50, "a": 12345678901234567890.123}',
      '1e308',
      '"\\u00e9"',
      '-0.0',
    ],
  },
  { type: 'jsonpath', values: ['$.a[*] ? (@ > 1 && @.b like_regex "^x")', 'strict $'] },
  { type: 'xml', values: ['', '<a b="c">d &amp; e</a>', 'text'] },
  {
    type: 'uuid',
    values: ['00000000-0000-0000-0000-000000000000', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'],
  },
  { type: 'inet', values: ['10.0.0.1', '10.0.0.1/8', '::1', '::ffff:1.2.3.4/96', '0.0.0.0/0'] },
  { type: 'cidr', values: ['10.0.0.0/8', '2001:db8::/32', '0.0.0.0/0'] },
  { type: 'macaddr', values: ['08:00:2b:01:02:03'] },
  { type: 'macaddr8', values: ['08:00:2b:01:02:03:04:05'] },
  { type: 'point', values: ['(1e-300,-0)', '(NaN,Infinity)', '(0.1,0.2)'] },
  { type: 'line', values: ['{1,-1,0.1}', '{0,1,-0}'] },
  { type: 'lseg', values: ['[(0,0),(0.1,1e300)]'] },
  { type: 'box', values: ['(1,1),(0,0)', '(0.3,Infinity),(0.1,0)'] },
  { type: 'path', values: ['[(0,0),(1,1)]', '((0,0),(1,1),(0.1,0))'] },
  { type: 'polygon', values: ['((0,0),(1,1),(0.1,0))'] },
  { type: 'circle', values: ['<(0.1,0),1e-10>'] },
  { type: 'tsvector', values: ['', "'a':1A,2B 'it''s':3 'ü':65535", "'b c' '\\\\'"] },
  { type: 'tsquery', values: ['', "'a' & ( 'b' | !'c':*A ) <2> 'it''s'"] },
  { type: 'pg_lsn', values: ['0/0', 'FFFFFFFF/FFFFFFFF', '16/B374D848'] },
  { type: 'tid', values: ['(0,1)', '(4294967295,65535)'] },
  { type: 'xid', values: ['0', '4294967295'] },
  { type: 'xid8', values: ['0', '18446744073709551615'] },
  { type: 'cid', values: ['0', '4294967295'] },
  { type: 'int2vector', values: ['', '1 -2 3'] },
  { type: 'oidvector', values: ['', '1 4294967295'] },
  { type: 'pg_snapshot', values: ['10:20:10,14,15', '1:1:'] },
  { type: 'txid_snapshot', values: ['10:20:10,14,15'] },
  { type: 'refcursor', values: ['', 'a "cursor"'] },
  { type: 'aclitem', values: ['postgres=r*w/postgres', '=U/postgres'] },
  { type: 'regclass', values: ['-', 'pg_class', 'public."odd Table"', '4000000000'] },
  { type: 'regtype', values: ['-', 'int4', 'public."odd Enum"', 'timestamptz[]'] },
  { type: 'regproc', values: ['-', 'pg_catalog.now'] },
  { type: 'regprocedure', values: ['-', 'pg_catalog.abs(bigint)'] },
  { type: 'regoper', values: ['0', 'pg_catalog.||/'] },
  { type: 'regoperator', values: ['0', 'pg_catalog.+(integer,integer)'] },
  { type: 'regrole', values: ['-', 'postgres'] },
  { type: 'oid8', values: ['0', '9007199254740993', '18446744073709551615'], since: 19 },
  { type: 'regdatabase', values: ['-', 'postgres', '4000000000'], since: 19 },
  { type: 'regnamespace', values: ['-', 'public', '"odd Schema"'] },
  { type: 'regconfig', values: ['-', 'english'] },
  { type: 'regdictionary', values: ['-', 'simple'] },
  { type: 'regcollation', values: ['-', '"C"'] },
  { type: 'int4range', values: ['empty', '[1,5]', '(,)', '[,5)', '(-2147483648,)'] },
  { type: 'int8range', values: ['empty', '[1,9223372036854775806]'] },
  { type: 'numrange', values: ['empty', '[1.50,NaN]', '(-Infinity,1e100)', '(,)'] },
  { type: 'daterange', values: ['empty', '[-infinity,infinity)', '[0044-03-15 BC,2026-11-21]'] },
  { type: 'tsrange', values: ['empty', '["0044-03-15 12:00:00 BC",infinity]'] },
  {
    type: 'tstzrange',
    values: ['empty', '["2026-03-29 01:30:00+00","2026-03-29 02:30:00.5+01:00"]', '(,)'],
  },
  { type: 'int4multirange', values: ['{}', '{[1,3),[5,7)}'] },
  { type: 'int8multirange', values: ['{}', '{(,)}'] },
  { type: 'nummultirange', values: ['{}', '{[1.5,2),(3,NaN]}'] },
  { type: 'datemultirange', values: ['{}', '{[2026-01-01,2026-01-03],[2027-01-01,infinity]}'] },
  { type: 'tsmultirange', values: ['{}', '{["2026-01-01 00:00","2026-01-03 00:00:00.5"]}'] },
  { type: 'tstzmultirange', values: ['{}', '{["2026-01-01 00:00+05:30",infinity)}'] },
];

const OWN_TYPES = `
  CREATE SCHEMA "odd Schema";
  CREATE TABLE "odd Table" ();
  CREATE TYPE "odd Enum" AS ENUM ('', 'a b', 'it''s', '"q"', 'a,b', '{x}', '\\', 'NULL', 'ü🐘');
  CREATE DOMAIN "odd Schema".price AS numeric(12,2) CHECK (value >= 0);
  CREATE DOMAIN prices AS "odd Schema".price[];
  CREATE DOMAIN nullable_price AS "odd Schema".price;
  CREATE TYPE pair AS (a integer, "b b" text, c timestamptz, d "odd Enum");
  CREATE TYPE nested AS (p pair, ps pair[]);
  CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
  CREATE TYPE pricerange AS RANGE (subtype = nullable_price, multirange_type_name = pricemulti)`;

/** Types that {@link OWN_TYPES} makes. */
const OWN: readonly TypeCase[] = [
  { type: '"odd Enum"', values: ['', 'a b', "it's", '"q"', 'a,b', '{x}', '\\', 'NULL', 'ü🐘'] },
  { type: '"odd Schema".price', values: ['0', '1234567890.12', 'NaN'] },
  { type: 'nullable_price', values: ['0.5'] },
  { type: 'prices', values: ['{}', '{1,NULL,2.5}'] },
  {
    type: 'pair',
    values: [
      '(,,,)',
      '(1,"","2026-11-21 12:00:00+05:30",)',
      '(-1,"a ""b"" \\\\ (c), d",infinity,"a,b")',
      '(,NULL,-infinity,NULL)',
    ],
  },
  { type: 'nested', values: ['(,)', '("(1,x,,)","{""(2,\\\\""y\\\\"",,)"",NULL}")'] },
  { type: 'textrange', values: ['empty', '[a,b)', '["","x ""y"""]', '(,"a,b")'] },
  { type: 'pricerange', values: ['empty', '[1,2.50)', '(,)'] },
  { type: 'pricemulti', values: ['{}', '{[1,2),[3,4)}'] },
];

/** Their input functions refuse every value: only PostgreSQL itself makes them. */
const INTERNAL =
  /^(gtsvector|pg_(node_tree|ndistinct|dependencies|mcv_list|brin_bloom_summary|brin_minmax_multi_summary))$/;

export interface MatrixColumn extends TypeCase {
  readonly name: string;
}

/** A column of each type, and one of arrays of it with and without null, empty, odd bounds. */
function columnsFor(major: number): readonly MatrixColumn[] {
  const cases = [...BUILTIN, ...OWN].filter(({ since = 0 }) => since <= major);
  return cases.flatMap((each, index) => {
    const elements = each.values.filter((value) => value.length < 1_000).map(arrayElement);
    const separator = each.type === 'box' ? ';' : ',';
    const list = [...elements, 'NULL'].join(separator);
    const [first = 'NULL'] = elements;
    const arrays = [
      '{}',
      `{${list}}`,
      `[0:0]={${first}}`,
      `[-1:0][7:7]={{${first}}${separator}{NULL}}`,
      '{NULL}',
    ];
    return [
      { ...each, name: `c${index} ${each.type}` },
      { type: `${each.type}[]`, values: arrays, name: `a${index} ${each.type}` },
    ];
  });
}

function arrayElement(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`;
}

/** Whatever the database prefers: the stream must not care. */
const HOSTILE: readonly (readonly [string, string])[] = [
  ['TimeZone', 'Asia/Kolkata'],
  ['DateStyle', 'German, DMY'],
  ['IntervalStyle', 'iso_8601'],
  ['bytea_output', 'escape'],
  ['extra_float_digits', '-15'],
  ['search_path', '"odd Schema", public'],
  ['xmloption', 'document'],
  ['standard_conforming_strings', 'off'],
  ['client_encoding', 'LATIN1'],
  ['quote_all_identifiers', 'off'],
];

/** How the truth is read: by the settings that `connect` documents, on a connection of its own. */
const READING = `SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres';
  SET bytea_output = 'hex'; SET extra_float_digits = 1; SET search_path = ''; SET xmloption = content;
  SET standard_conforming_strings = on; SET client_encoding = 'UTF8'`;

/**
 * Every type arrives as the database prints it, and says all that the value is (invariant 10):
 * putting the captured texts into a copy of the table gives the same bytes.
 * @param serverUrl a superuser's, to make a database in.
 */
export function testTypeMatrix(major: number, serverUrl: () => Promise<string>): void {
  describe(`types on PostgreSQL ${major}`, () => {
    test('the matrix has every type that a column can have', async () => {
      await using database = await freshDatabase(await serverUrl());
      const columns = await createMatrix(database, major);
      const { rows } = await database.client.query<{ name: string }>(
        `SELECT t.oid::regtype::text AS name FROM pg_type t
         WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype IN ('b', 'r', 'm')
           AND t.typcategory <> 'A'
           AND t.oid NOT IN (SELECT atttypid FROM pg_attribute WHERE attrelid = 'matrix'::regclass)`,
      );
      const missing = rows.map(({ name }) => name).filter((name) => !INTERNAL.test(name));
      assert.deepEqual(missing, columns.some(({ type }) => type === 'xml') ? [] : ['xml']);
    });

    test('every type is captured losslessly in the database’s own text', async () => {
      await using database = await freshDatabase(await serverUrl());
      const columns = await createMatrix(database, major);
      await createSlot(database, ['CREATE PUBLICATION tidings FOR TABLE public.matrix']);
      const rows = await fill(database, columns);
      const truth = await readTruth(database, columns);
      await database.client.query('CREATE TABLE public.original AS TABLE public.matrix');
      await database.client.query('UPDATE public.matrix SET id = id + 1000');
      await database.client.query('DELETE FROM public.matrix');
      await using stream = await openStream(database);
      await stream.caughtUp();
      const { changes } = stream.receiver;
      assert.equal(changes.length, 3 * rows);
      for (const change of changes) assertTruth(change, truth, columns);
      await assertSameBytes(database, columns, changes.slice(0, rows));
    });
  });
}

/** Makes the tables `matrix` and `copy`; undo is tested on them too. */
export async function createMatrix(
  database: TestDatabase,
  major: number,
): Promise<readonly MatrixColumn[]> {
  const { client } = database;
  await client.query(OWN_TYPES);
  const withXml = await client.query(`SELECT '<a/>'::xml`).then(
    () => true,
    () => false, // Built without libxml: then no column can have a value of the type.
  );
  const columns = columnsFor(major).filter(({ type }) => withXml || !type.startsWith('xml'));
  const list = columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`);
  for (const table of ['matrix', 'copy']) {
    await client.query(`CREATE TABLE ${table} (id integer PRIMARY KEY, ${list.join(', ')})`);
  }
  await client.query('ALTER TABLE matrix REPLICA IDENTITY FULL');
  for (const [name, value] of HOSTILE) {
    if (name === 'standard_conforming_strings' && major >= 19) continue; // It cannot be off any more.
    await client.query(
      `ALTER DATABASE ${database.name} SET ${name} = ${value.includes('"') ? value : `'${value}'`}`,
    );
  }
  return columns;
}

/** Row n has the nth value of each type, and null where a type has no more; the last is all null. */
export async function fill(
  database: TestDatabase,
  columns: readonly MatrixColumn[],
): Promise<number> {
  const rows = Math.max(...columns.map(({ values }) => values.length)) + 1;
  await insert(database, 'public.matrix', columns, (row) =>
    row < rows ? columns.map(({ values }) => values[row] ?? null) : null,
  );
  return rows;
}

async function insert(
  database: TestDatabase,
  table: string,
  columns: readonly MatrixColumn[],
  cells: (row: number) => readonly Cell[] | null,
): Promise<void> {
  const names = columns.map(({ name }) => quoteIdentifier(name));
  const parameters = columns.map((_, index) => `$${index + 2}`);
  const text = `INSERT INTO ${table} (id, ${names.join(', ')}) VALUES ($1, ${parameters.join(', ')})`;
  for (let row = 0; ; row++) {
    const values = cells(row);
    if (values === null) return;
    await database.client.query(text, [row, ...values]);
  }
}

/**
 * The text of every cell by its type's own output function. A cast to text is something else for
 * some types: it prints `true`, pads no char, and adds a netmask.
 */
async function readTruth(
  database: TestDatabase,
  columns: readonly MatrixColumn[],
): Promise<readonly (readonly Cell[])[]> {
  const reader = await database.connect({ types: { getTypeParser: () => (text: string) => text } });
  await reader.query(READING);
  const list = columns
    .map(({ name }) => quoteIdentifier(name))
    .map((name) => `CASE WHEN num_nulls(${name}) = 0 THEN format('%s', ${name}) END`);
  const { rows } = await reader.query<Cell[]>({
    text: `SELECT ${list.join(', ')} FROM public.matrix ORDER BY id`,
    rowMode: 'array',
  });
  return rows;
}

function assertTruth(
  change: RecordedChange,
  truth: readonly (readonly Cell[])[],
  columns: readonly MatrixColumn[],
): void {
  for (const cells of [change.after, change.before?.cells]) {
    if (cells === null || cells === undefined) continue;
    const [id, ...rest] = cells;
    const expected = truth[Number(id) % 1000];
    assert.ok(expected !== undefined, `row ${id}`);
    for (const [index, { name }] of columns.entries()) {
      assert.equal(rest[index], expected[index], `${change.operation} ${name}, row ${id}`);
    }
  }
}

async function assertSameBytes(
  database: TestDatabase,
  columns: readonly MatrixColumn[],
  inserts: readonly RecordedChange[],
): Promise<void> {
  // As the settings of a writing session are in Tidings, so that the texts mean the same again.
  await database.client.query(READING);
  await insert(database, 'public.copy', columns, (row) => inserts[row]?.after?.slice(1) ?? null);
  const { rows } = await database.client.query<{ id: number }>(
    `SELECT c.id FROM public.copy c JOIN public.original o USING (id) WHERE NOT (c *= o)`,
  );
  assert.deepEqual(rows, []);
}
