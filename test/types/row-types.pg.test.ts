/** `tidings types`: what it writes of a schema, and that handlers get rows of just these types. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../../src/cli/run.ts';
import { createTidings, type Row, type TableHandler } from '../../src/index.ts';
import { createMatrix, fill } from '../../src/source/postgres/values/type-matrix.contract.ts';
import { freshDatabase, NEWEST, type TestDatabase } from '../support/postgres.ts';
import { recordedIo } from '../support/recorded-io.ts';
import { until } from '../support/until.ts';
import { compile } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidings-types-'));
after(() => rmSync(folder, { recursive: true }));

const SCHEMA = `
  CREATE SCHEMA "Sales-EU";
  CREATE SCHEMA sales;
  CREATE TYPE mood AS ENUM ('ok', 'it''s', '*/', 'a\\b');
  CREATE TYPE nothing AS ENUM ();
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN feeling AS mood;
  CREATE DOMAIN feelings AS feeling[];
  CREATE DOMAIN small AS int NOT NULL;
  CREATE DOMAIN big AS bigint CHECK (value > 0);
  CREATE TABLE "Sales-EU"."odd Table" (
    "it's" mood NOT NULL, "new" feeling, moods mood[], feelings feelings, none nothing, nones nothing[],
    small small, smalls small[], big big, bigs int8[] NOT NULL, i2 int2 NOT NULL, o oid, b boolean,
    n numeric(10,2), f real NOT NULL, fs float8[], j json NOT NULL, jb jsonb, js jsonb[], bin bytea,
    d date, t time, ts timestamp, tz timestamptz NOT NULL, u uuid, iv interval, ip inet,
    p pair, ps pair[], r int4range, m int4multirange, bx box[], c char(3), v varchar(40) NOT NULL);
  ALTER TABLE "Sales-EU"."odd Table" REPLICA IDENTITY FULL;
  CREATE TABLE sales.orders (
    region text, id int GENERATED ALWAYS AS IDENTITY, body text, price int NOT NULL,
    double int GENERATED ALWAYS AS (price * 2) STORED, gone int, PRIMARY KEY (region, id))
    PARTITION BY LIST (region);
  CREATE TABLE sales.orders_eu PARTITION OF sales.orders FOR VALUES IN ('eu');
  ALTER TABLE sales.orders DROP COLUMN gone;
  COMMENT ON TABLE sales.orders IS E'What was sold.\\nBy region.';
  COMMENT ON COLUMN sales.orders.price IS 'In cents */ alert()';
  CREATE TABLE sales_orders (id int PRIMARY KEY, name varchar(20) NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL, grid int[], tags text[]);
  CREATE TABLE change (id int PRIMARY KEY);
  CREATE VIEW recent AS SELECT * FROM notes;`;

let database: TestDatabase;
before(async () => {
  database = await freshDatabase();
  await database.client.query(SCHEMA);
});
after(() => database[Symbol.asyncDispose]());

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in the folder. */
async function tidings(argv: readonly string[], url = database.url): Promise<Ended> {
  const io = recordedIo({ cwd: folder, env: { DATABASE_URL: url } });
  const code = await run(argv, io);
  return { code, ...io.written };
}

async function typesOf(...tables: readonly string[]): Promise<string> {
  const named = tables.flatMap((table) => ['--table', table]);
  const { code, out, err } = await tidings(['types', ...named, '--config', config()]);
  assert.equal(code, 0, err);
  return out;
}

/** A configuration that captures everything. */
function config(source: object = {}, more: object = {}): string {
  const name = `config-${++configs}.json`;
  const main = { tables: ['*.*'], ...source };
  writeJson(name, { dataDir: 'data', sources: { main }, ...more });
  return name;
}
let configs = 0;

function writeJson(name: string, value: unknown): void {
  writeFileSync(join(folder, name), JSON.stringify(value));
}

test('every family of types, as handlers get their values', async () => {
  const out = await typesOf('"Sales-EU"."odd Table"');
  assert.match(out, /^import type \{ ArrayValue, JsonValue \} from 'tidings';$/m);
  const body = /\/\*\* No key\. \*\/\nexport interface SalesEUOddTable \{\n([^}]*)\}/.exec(
    out,
  )?.[1];
  const moods = String.raw`'ok' | 'it\'s' | '*/' | 'a\\b'`;
  const float = "number | 'NaN' | 'Infinity' | '-Infinity' | '-0'";
  assert.deepEqual(body?.trim().split(/\n */), [
    'readonly b: boolean | null;',
    'readonly big: number | string | null;',
    'readonly bigs: ArrayValue<number | string>;',
    'readonly bin: string | null;',
    'readonly bx: string | null;',
    'readonly c: string | null;',
    'readonly d: string | null;',
    `readonly f: ${float};`,
    `readonly feelings: ArrayValue<${moods}> | null;`,
    `readonly fs: ArrayValue<${float}> | null;`,
    'readonly i2: number;',
    'readonly ip: string | null;',
    String.raw`readonly 'it\'s': ${moods};`,
    'readonly iv: string | null;',
    'readonly j: JsonValue;',
    'readonly jb: JsonValue;',
    'readonly js: ArrayValue<JsonValue> | null;',
    'readonly m: string | null;',
    `readonly moods: ArrayValue<${moods}> | null;`,
    'readonly n: string | null;',
    `readonly new: ${moods} | null;`,
    'readonly none: null;',
    'readonly nones: ArrayValue<never> | null;',
    'readonly o: number | null;',
    'readonly p: string | null;',
    'readonly ps: ArrayValue<string> | null;',
    'readonly r: string | null;',
    // NOT NULL of a domain is not kept by what it is kept in.
    'readonly small: number | null;',
    'readonly smalls: ArrayValue<number> | null;',
    'readonly t: string | null;',
    'readonly ts: string | null;',
    'readonly tz: string;',
    'readonly u: string | null;',
    'readonly v: string;',
  ]);
  assert.match(out, /'Sales-EU\."odd Table"': SalesEUOddTable;/);
});

test('keys, comments, partitions, what updates leave out, and names that clash', async () => {
  const out = await typesOf('sales.*', 'public.sales_orders', 'public.notes', 'public.change');
  assert.match(
    out,
    /\/\*\*\n \* What was sold\.\n \* By region\.\n \*\n \* Key: region, id\.\n \*\n \* Optional: .*\n \*\/\nexport interface SalesOrders2 \{\n/,
  );
  const [, orders = ''] = /interface SalesOrders2 \{\n([^}]*)\}/.exec(out) ?? [];
  assert.deepEqual(orders.trim().split(/\n */), [
    'readonly body?: string | null;',
    'readonly double: number | null;',
    'readonly id: number;',
    String.raw`/** In cents *\/ alert() */`,
    'readonly price: number;',
    'readonly region?: string;',
  ]);
  assert.match(
    out,
    /interface SalesOrders \{\n {2}readonly id: number;\n {2}readonly name: string;\n\}/,
  );
  assert.match(
    out,
    /interface Notes \{\n {2}readonly body\?: string;\n {2}readonly grid\?: ArrayValue<number> \| null;/,
  );
  assert.match(out, /'public\.sales_orders': SalesOrders;\n {2}'sales\.orders': SalesOrders2;/);
  assert.doesNotMatch(out, /orders_eu|gone/);
  // A table may be called as what `tidings` exports.
  assert.match(out, /'public\.change': Change;/);
  const program = `import { type TidingsTables } from 'tidings';
import { type Change } from './tables.ts';
export const change: TidingsTables['public.change'] = { id: 1 } satisfies Change;
// @ts-expect-error -- That is what the row has.
export const other: TidingsTables['public.change'] = { id: 'a' };`;
  assert.equal(await compile(folder, { 'tables.ts': out, 'program.ts': program }), '');
  assert.equal(await compile(folder, { 'tables.d.ts': out }), '');
});

test('two sources with tables of the same names', async () => {
  const one = await typesOf('public.change');
  const other = one.replace('number', 'string');
  const line = ['types', '--table', 'public.change', '--no-declare', '--config', config()];
  const { out: alone } = await tidings(line);
  assert.match(alone, /^\/\/ Made by `tidings types --table public\.change --no-declare /);
  assert.doesNotMatch(alone, /declare module/);
  assert.match(await compile(folder, { 'one.ts': one, 'other.ts': other }), /error TS2320/);
  assert.equal(await compile(folder, { 'one.ts': other, 'other.ts': alone }), '');
});

test('PostgreSQL 14 publishes no generated columns, and knows nothing of constraints on null', async () => {
  await using old = await freshDatabase(14);
  await old.client.query(
    'CREATE TABLE t (id int PRIMARY KEY, n int GENERATED ALWAYS AS (id) STORED)',
  );
  const { out, err } = await tidings(['types', '--config', config()], old.url);
  assert.match(out, /interface T \{\n {2}readonly id: number;\n\}/, err);
});

test('what a constraint does not hold for older rows may be null', async () => {
  await database.client.query(`
    CREATE TABLE late (a int, b int NOT NULL, c int GENERATED ALWAYS AS (b) VIRTUAL);
    INSERT INTO late VALUES (NULL, 1);
    ALTER TABLE late ADD CONSTRAINT a_there NOT NULL a NOT VALID`);
  const out = await typesOf('public.late');
  assert.match(
    out,
    /interface Late \{\n {2}readonly a: number \| null;\n {2}readonly b: number;\n\}/,
  );
  await database.client.query(`DELETE FROM late; ALTER TABLE late VALIDATE CONSTRAINT a_there`);
  assert.match(await typesOf('public.late'), /readonly a: number;/);
});

test('a handler gets rows of the types that were written', async () => {
  await using own = await freshDatabase();
  const { client } = own;
  const columns = await createMatrix(own, NEWEST);
  await client.query(SCHEMA.replace('CREATE TYPE pair AS (a int, b text);', ''));
  await client.query('DROP TABLE copy');
  const written = await tidings(['types', '--config', config(), '--json'], own.url);
  const { text } = JSON.parse(written.out) as { text: string };
  const rows: Record<string, Row[]> = {};
  const collect = (name: string) => (row: Row) => {
    (rows[name] ??= []).push(row);
  };
  const handler: TableHandler = {
    insert: (row, { table }) => collect(`WholeRow<${NAMES[table]}>`)(row),
    update: (row, { table }) => collect(NAMES[table] ?? '')(row),
    delete: (row, { table }) => collect(`PartialRow<${NAMES[table]}>`)(row),
  };
  await using service = await createTidings({
    dataDir: join(folder, 'matrix'),
    sources: { main: { url: own.url, tables: ['*.*'] } },
  });
  service.register('all', '*.*', handler);
  await service.start();
  const matrix = await fill(own, columns);
  await client.query(`
    INSERT INTO "Sales-EU"."odd Table" ("it's", moods, feelings, bigs, i2, small, f, fs, j, js, tz, v)
      VALUES ('*/', '{ok,NULL}', '{a\\\\b}', '{1,9007199254740993}', 1, (SELECT small FROM "Sales-EU"."odd Table" WHERE false), 'NaN',
        '{{1.5,-0},{Infinity,NULL}}', '{"a": [null]}', '{null,"{}"}', now(), '');
    INSERT INTO sales.orders (region, body, price) VALUES ('eu', 'x', 7);
    INSERT INTO notes SELECT 1, string_agg(md5(i::text), ''), '{{1,2},{3,NULL}}', '[0:1]={a,b}'
      FROM generate_series(1, 500) i;
    UPDATE notes SET tags = NULL;
    DELETE FROM notes`);
  await until(() => Promise.resolve(rows['PartialRow<Notes>']?.length === 1));
  assert.equal(rows['WholeRow<Matrix>']?.length, matrix);
  assert.deepEqual(Object.keys(rows['WholeRow<SalesOrders2>']?.[0] ?? {}).sort(), [
    'body',
    'double',
    'id',
    'price',
    'region',
  ]);
  // What the update did not tell is not there: the types say so.
  assert.deepEqual(rows['Notes'], [
    {
      id: 1,
      grid: [
        [1, 2],
        [3, null],
      ],
      tags: null,
    },
  ]);
  const constants = Object.entries(rows).map(
    ([type, list], index) => `export const rows${index}: readonly ${type}[] = ${literal(list)};\n`,
  );
  const program = `import type { PartialRow, WholeRow } from 'tidings';
import type { Matrix, Notes, SalesEUOddTable, SalesOrders2 } from './tables.ts';
${constants.join('')}`;
  assert.equal(constants.length, 6);
  assert.equal(await compile(folder, { 'tables.ts': text, 'rows.ts': program }), '');
});

const NAMES: Readonly<Record<string, string>> = {
  matrix: 'Matrix',
  notes: 'Notes',
  orders: 'SalesOrders2',
  'odd Table': 'SalesEUOddTable',
};

/** Rows as an expression; a text of thousands of letters is a text like any other. */
function literal(rows: readonly Row[]): string {
  return JSON.stringify(rows, (_name, value: unknown) =>
    typeof value === 'string' && value.length > 1_000 ? 'long' : value,
  );
}

test('the tables of the subscriptions, or all; a warning for what they name in vain', async () => {
  const to = { handler: './crm.mjs' };
  const subscriptions = {
    crm: { tables: ['public.notes', '!public.change'], to },
    all: { tables: ['sales.*', 'public.custmers', 'public.nots'], to },
  };
  const some = await tidings(['types', '--json', '--config', config({}, { subscriptions })]);
  const { tables, file } = JSON.parse(some.out) as { tables: unknown; file: unknown };
  assert.equal(file, null);
  assert.deepEqual(tables, [
    { table: 'public.notes', type: 'Notes' },
    { table: 'sales.orders', type: 'SalesOrders' },
  ]);
  assert.match(some.err, /^warning: There is no table public\.custmers now\.$/m);
  assert.match(some.err, /^warning: .*public\.nots now\. Did you mean public\.notes\?$/m);
  const all = await tidings(['types', '--json', '--config', config({ tables: ['public.*'] })]);
  assert.match(all.out, /"public\.sales_orders"/);
  assert.doesNotMatch(all.out, /sales\.orders/);
});

test('what cannot be written is refused', async () => {
  const refused: readonly (readonly [line: string, code: number, said: RegExp])[] = [
    ['--table public.nots', 2, /^error TYPES_NO_TABLE: .*nots now\. Did you mean public\.notes\?/],
    ['--table public.notes --table public.nots', 2, /^error TYPES_NO_TABLE: .* public\.notes\?/],
    ['--table public.recent', 2, /^error TYPES_NO_TABLE: .*public\.recent is a view/],
    ['--table notes', 64, /^error TABLE_PATTERN_INVALID: .*names no schema/],
    ['--source other', 64, /^error SOURCE_UNKNOWN/],
    ['--out nowhere/at/all.ts', 1, /^error FOLDER_MISSING: .*\n→ Make it: mkdir -p nowhere\/at$/m],
    ['--out tables.js', 64, /^error USAGE: --out tables\.js names no TypeScript file/],
    ['--out folder.ts', 1, /^error SYSTEM_ERROR: .*folder\.ts: EISDIR/],
    ['--check', 64, /^error USAGE: --check needs --out FILE/],
  ];
  const named = config();
  mkdirSync(join(folder, 'folder.ts'));
  for (const [line, code, said] of refused) {
    const ended = await tidings(['types', ...line.split(' '), '--config', named]);
    assert.equal(ended.code, code, line + ended.err);
    assert.match(ended.err, said);
    assert.equal(ended.out, '');
  }
  const nothing = await tidings(['types', '--config', config({ tables: ['empty.*'] })]);
  assert.match(nothing.err, /^error TYPES_NO_TABLE: .*it captures no table now \(empty\.\*\)\./);
  const misspelt = await tidings(['types', '--config', config({ tables: ['public.nots'] })]);
  assert.match(misspelt.err, /^error TYPES_NO_TABLE: .*Did you mean public\.notes\?/);
});

test('a role without any right to the tables is enough, and one that may not log in is told', async () => {
  const { client, name } = database;
  const role = `types_${name}`;
  await client.query(`REVOKE ALL ON SCHEMA public FROM PUBLIC;
    CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  try {
    const url = new URL(database.url);
    [url.username, url.password] = [role, 'secret'];
    const { code, out, err } = await tidings(['types', '--config', config()], url.href);
    assert.equal(code, 0, err);
    assert.match(out, /interface SalesOrders2 \{/);
    await client.query(`REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`);
    const refused = await tidings(['types', '--config', config()], url.href);
    assert.match(refused.err, /^error SOURCE_LOGIN_REFUSED: /);
    assert.doesNotMatch(refused.err, /secret/);
  } finally {
    await client.query(`GRANT ALL ON SCHEMA public TO PUBLIC; DROP ROLE ${role}`);
  }
});

test('a file: written, left alone, checked, and only replaced when it is ours', async () => {
  const { client } = database;
  await client.query('CREATE TABLE customers (id int PRIMARY KEY, name text)');
  const line = ['types', '--config', config(), '--table', 'public.customers', '--out', 'c.ts'];
  const path = join(folder, 'c.ts');
  const missing = await tidings([...line, '--check']);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^error TYPES_OUTDATED: c\.ts .*there is no such file\./);

  assert.equal((await tidings(line)).err, 'Wrote the row types of 1 table to c.ts.\n');
  const text = readFileSync(path, 'utf8');
  assert.match(
    text,
    /^\/\/ Made by `tidings types --table public\.customers --out c\.ts --config /,
  );
  assert.equal((await tidings(line)).err, 'c.ts has the row types of 1 table as they are.\n');
  // As a checkout on Windows has it, and with another configuration file of the same meaning.
  writeFileSync(path, text.replaceAll('\n', '\r\n'));
  const other = line.with(2, config());
  assert.equal((await tidings([...other, '--check'])).code, 0);

  await client.query('ALTER TABLE customers ADD COLUMN email text NOT NULL');
  const outdated = await tidings([...line, '--check']);
  assert.equal(outdated.code, 1);
  assert.match(
    outdated.err,
    /: line \d+ has `readonly id: number;` instead of `readonly email\?: string;`\.\n/,
  );
  const [, command = ''] = /→ Write it anew: tidings (.*)\n/.exec(outdated.err) ?? [];
  assert.equal((await tidings(command.split(' '))).code, 0);
  assert.equal((await tidings([...line, '--check'])).code, 0);

  writeFileSync(path, 'export const own = 1;\n');
  const kept = await tidings(line);
  assert.equal(kept.code, 2);
  assert.match(kept.err, /^error FILE_EXISTS: .*c\.ts/);
  const foreign = await tidings([...line, '--check']);
  const [, force = ''] = /→ Write it anew: tidings (.*)\n/.exec(foreign.err) ?? [];
  assert.match(force, / --force( |$)/);
  assert.equal((await tidings(force.split(' '))).code, 0);
  assert.match(readFileSync(path, 'utf8'), /readonly email\?: string;/);
});
