import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSlot, openStream } from '../../../../test/support/captured-stream.ts';
import {
  freshDatabase,
  type Major,
  MAJORS,
  type TestDatabase,
} from '../../../../test/support/postgres.ts';
import type { RecordedChange } from '../../../../test/support/recording-receiver.ts';
import type { Cell } from '../../../change/row-images.ts';
import type { TableDefinition } from '../../../change/table.ts';

/** Runs statements, each in a transaction of its own, and returns the changes they were captured as. */
async function capture(
  database: TestDatabase,
  setUp: string,
  statements: readonly string[],
): Promise<readonly RecordedChange[]> {
  await database.client.query(setUp);
  await createSlot(database);
  await using stream = await openStream(database);
  for (const statement of statements) await database.client.query(statement);
  await stream.caughtUp();
  assert.equal(stream.receiver.abandoned, 0);
  return stream.receiver.changes;
}

/** A change in short: operation, key, the key before, the old row, the new row. */
type Short = readonly [
  string,
  string | null,
  string | null,
  readonly Cell[] | null,
  readonly Cell[] | null,
];

const short = (change: RecordedChange): Short => [
  change.before === null ? change.operation : `${change.operation} ${change.before.kind}`,
  change.key,
  change.previousKey,
  change.before?.cells ?? null,
  change.after,
];

const keyNames = (table: TableDefinition | undefined): readonly (string | undefined)[] =>
  table?.key.map((index) => table.columns[index]?.name) ?? [];

function testRows(major: Major): void {
  test('of a table with a primary key and identity default', async () => {
    await using database = await freshDatabase(major);
    const changes = await capture(database, 'CREATE TABLE t (id int PRIMARY KEY, a text, b text)', [
      `INSERT INTO t VALUES (1, 'one', NULL), (2, '', 'ünï 🐘')`,
      `UPDATE t SET a = 'ONE' WHERE id = 1`,
      `UPDATE t SET id = 3 WHERE id = 2`,
      `DELETE FROM t WHERE id = 1`,
      `TRUNCATE t`,
    ]);
    assert.deepEqual(changes.map(short), [
      ['insert', '1', null, null, ['1', 'one', null]],
      ['insert', '2', null, null, ['2', '', 'ünï 🐘']],
      ['update', '1', null, null, ['1', 'ONE', null]],
      ['update key', '3', '2', ['2', null, null], ['3', '', 'ünï 🐘']],
      ['delete key', '1', null, ['1', null, null], null],
      ['truncate', null, null, null, null],
    ]);
    const { rows } = await database.client.query<{ oid: string }>(
      `SELECT 't'::regclass::oid::text AS oid`,
    );
    assert.deepEqual(changes[0]?.table, {
      schema: 'public',
      name: 't',
      origin: { id: rows[0]?.oid },
      columns: [
        { name: 'id', number: 1, type: 'integer', kind: 'integer', array: false, shape: INTEGER },
        { name: 'a', number: 2, type: 'text', kind: 'text', array: false, shape: TEXT },
        { name: 'b', number: 3, type: 'text', kind: 'text', array: false, shape: TEXT },
      ],
      key: [0],
      identity: 'key',
      dialect: 'postgres',
    });
  });

  test('with identity full have whole old rows and still the primary key', async () => {
    await using database = await freshDatabase(major);
    const changes = await capture(
      database,
      `CREATE TABLE t (id int PRIMARY KEY, a text); ALTER TABLE t REPLICA IDENTITY FULL`,
      [
        `INSERT INTO t VALUES (1, 'x')`,
        `UPDATE t SET a = NULL`,
        `UPDATE t SET id = 2`,
        `DELETE FROM t`,
      ],
    );
    assert.deepEqual(changes.map(short), [
      ['insert', '1', null, null, ['1', 'x']],
      ['update old', '1', null, ['1', 'x'], ['1', null]],
      ['update old', '2', '1', ['1', null], ['2', null]],
      ['delete old', '2', null, ['2', null], null],
    ]);
    assert.equal(changes[0]?.table.identity, 'full');
  });

  test('have their key in the key’s order, without the columns it only includes', async () => {
    await using database = await freshDatabase(major);
    const setUp = `CREATE TABLE t (a int, b text, c int, PRIMARY KEY (b, a) INCLUDE (c));
      CREATE TABLE f (a int, b text, c int, PRIMARY KEY (b, a) INCLUDE (c));
      ALTER TABLE f REPLICA IDENTITY FULL`;
    const changes = await capture(
      database,
      setUp,
      ['t', 'f'].flatMap((table) => [
        `INSERT INTO ${table} VALUES (1, 'say "hi"', 9)`,
        `UPDATE ${table} SET b = 'bye'`,
        `DELETE FROM ${table}`,
      ]),
    );
    const hi = JSON.stringify(['say "hi"', '1']);
    const bye = JSON.stringify(['bye', '1']);
    const keys = [
      [hi, null],
      [bye, hi],
      [bye, null],
    ];
    assert.deepEqual(
      changes.map(({ key, previousKey }) => [key, previousKey]),
      [...keys, ...keys],
    );
    assert.deepEqual(keyNames(changes[0]?.table), ['b', 'a']);
  });

  test('of an index identity have that index’s columns as key', async () => {
    await using database = await freshDatabase(major);
    const changes = await capture(
      database,
      `CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL UNIQUE, a text);
       ALTER TABLE t REPLICA IDENTITY USING INDEX t_code_key`,
      [
        `INSERT INTO t VALUES (1, 'x', 'a')`,
        `UPDATE t SET code = 'y'`,
        `UPDATE t SET id = 2`,
        `DELETE FROM t`,
      ],
    );
    assert.deepEqual(changes.map(short), [
      ['insert', 'x', null, null, ['1', 'x', 'a']],
      ['update key', 'y', 'x', [null, 'x', null], ['1', 'y', 'a']],
      ['update', 'y', null, null, ['2', 'y', 'a']],
      ['delete key', 'y', null, [null, 'y', null], null],
    ]);
  });

  test('of tables without identity come as inserts, with the primary key if there is one', async () => {
    await using database = await freshDatabase(major);
    await database.client.query(
      `CREATE TABLE bare (a text); CREATE TABLE hidden (id int PRIMARY KEY);
       ALTER TABLE hidden REPLICA IDENTITY NOTHING;
       CREATE TABLE keyless (a text); ALTER TABLE keyless REPLICA IDENTITY FULL;`,
    );
    await createSlot(database, [
      `CREATE PUBLICATION tidings FOR TABLE keyless`,
      `CREATE PUBLICATION insert_only FOR TABLE bare, hidden WITH (publish = 'insert, truncate')`,
    ]);
    await using stream = await openStream(database, { publications: ['tidings', 'insert_only'] });
    await database.client.query(`
      INSERT INTO bare VALUES ('x'); UPDATE bare SET a = 'y'; DELETE FROM bare;
      INSERT INTO hidden VALUES (1); UPDATE hidden SET id = 2;
      INSERT INTO keyless VALUES ('x'); UPDATE keyless SET a = 'y'; DELETE FROM keyless;
      TRUNCATE bare, hidden, keyless`);
    await stream.caughtUp();
    const { changes } = stream.receiver;
    // The truncate announces them once more.
    const tables = stream.receiver.tables.slice(0, 3);
    assert.deepEqual(changes.slice(0, 5).map(short), [
      ['insert', null, null, null, ['x']],
      ['insert', '1', null, null, ['1']],
      ['insert', null, null, null, ['x']],
      ['update old', null, null, ['x'], ['y']],
      ['delete old', null, null, ['y'], null],
    ]);
    assert.deepEqual(
      changes
        .slice(5)
        .map(({ operation, table }) => `${operation} ${table.name}`)
        .sort(),
      ['truncate bare', 'truncate hidden', 'truncate keyless'],
    );
    assert.deepEqual(
      tables.map(({ name, identity, key }) => [name, identity, key]),
      [
        ['bare', 'nothing', []],
        ['hidden', 'nothing', [0]],
        ['keyless', 'full', []],
      ],
    );
  });

  test('of partitions come as rows of the root, also when they move', async () => {
    await using database = await freshDatabase(major);
    await database.client.query(
      `CREATE TABLE r (id int, part int, a text, PRIMARY KEY (part, id)) PARTITION BY LIST (part);
       CREATE TABLE r1 PARTITION OF r FOR VALUES IN (1);
       CREATE TABLE r2 (a text, gone int, part int NOT NULL, id int NOT NULL);
       ALTER TABLE r2 DROP COLUMN gone;
       ALTER TABLE r ATTACH PARTITION r2 FOR VALUES IN (2)`,
    );
    await createSlot(database, ['CREATE PUBLICATION tidings FOR TABLE r']);
    await using stream = await openStream(database);
    await database.client.query(`INSERT INTO r VALUES (7, 1, 'x')`);
    await database.client.query(`UPDATE r SET a = 'y'`);
    await database.client.query(`UPDATE r SET part = 2`);
    await database.client.query(`DELETE FROM r`);
    await stream.caughtUp();
    assert.deepEqual(stream.receiver.changes.map(short), [
      ['insert', '["1","7"]', null, null, ['7', '1', 'x']],
      ['update', '["1","7"]', null, null, ['7', '1', 'y']],
      ['delete key', '["1","7"]', null, ['7', '1', null], null],
      ['insert', '["2","7"]', null, null, ['y', '2', '7']],
      ['delete key', '["2","7"]', null, [null, '2', '7'], null],
    ]);
    assert.ok(stream.receiver.tables.every((table) => table.name === 'r'));
  });

  test('of a partition that reports only keys are not taken for whole', async () => {
    await using database = await freshDatabase(major);
    await database.client.query(
      `CREATE TABLE r (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
       CREATE TABLE r1 PARTITION OF r DEFAULT; ALTER TABLE r REPLICA IDENTITY FULL`,
    );
    await createSlot(database, ['CREATE PUBLICATION tidings FOR TABLE r']);
    await using stream = await openStream(database);
    await database.client.query(`INSERT INTO r VALUES (1, 'x'); DELETE FROM r`);
    await stream.caughtUp();
    await database.client.query(`ALTER TABLE r1 REPLICA IDENTITY FULL`);
    await database.client.query(`INSERT INTO r VALUES (2, 'x'); DELETE FROM r`);
    await stream.caughtUp();
    assert.deepEqual(
      stream.receiver.changes.filter(({ operation }) => operation === 'delete').map(short),
      [
        ['delete key', '1', null, ['1', null], null],
        ['delete old', '2', null, ['2', 'x'], null],
      ],
    );
  });

  test('that come under their root, as an earlier version published them, are keys at most', async () => {
    await using database = await freshDatabase(major);
    await database.client.query(
      `CREATE TABLE r (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
       CREATE TABLE r1 PARTITION OF r DEFAULT; ALTER TABLE r REPLICA IDENTITY FULL`,
    );
    await createSlot(database, [
      'CREATE PUBLICATION tidings FOR TABLE r WITH (publish_via_partition_root)',
    ]);
    await database.client.query(`INSERT INTO r VALUES (1, 'x'); DELETE FROM r`);
    // Now the catalogue says that all of them are full.
    await database.client.query(`ALTER TABLE r1 REPLICA IDENTITY FULL`);
    await using stream = await openStream(database);
    await stream.caughtUp();
    assert.deepEqual(stream.receiver.changes.map(short), [
      ['insert', '1', null, null, ['1', 'x']],
      ['delete key', '1', null, ['1', null], null],
    ]);
  });

  test('have generated columns only when they are published', async () => {
    await using database = await freshDatabase(major);
    await database.client.query(
      `CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED,
        serial int GENERATED ALWAYS AS IDENTITY)`,
    );
    const canPublish = major >= 18;
    const generated = canPublish ? 'WITH (publish_generated_columns = stored)' : '';
    await createSlot(database, [
      'CREATE PUBLICATION tidings FOR TABLE t',
      `CREATE PUBLICATION generated FOR TABLE t ${generated}`,
    ]);
    await database.client.query(`INSERT INTO t (id) VALUES (21)`);
    for (const publication of ['tidings', 'generated']) {
      await using stream = await openStream(database, { publications: [publication] });
      await stream.caughtUp();
      const withGenerated = canPublish && publication === 'generated';
      assert.deepEqual(stream.receiver.changes.map(short), [
        ['insert', '21', null, null, withGenerated ? ['21', '42', '1'] : ['21', '1']],
      ]);
    }
  });

  test('that the server leaves large values out of are filled from old rows, or say so', async () => {
    await using database = await freshDatabase(major);
    const large = 'x'.repeat(50_000);
    const tables = ['k', 'f'];
    const changes = await capture(
      database,
      tables
        .map(
          (table) => `CREATE TABLE ${table} (id int PRIMARY KEY, large text, a text, more text);
            ALTER TABLE ${table} ALTER large SET STORAGE EXTERNAL, ALTER more SET STORAGE EXTERNAL;`,
        )
        .join('') + 'ALTER TABLE f REPLICA IDENTITY FULL',
      tables.flatMap((table) => [
        `INSERT INTO ${table} VALUES (1, '${large}', 'a', NULL)`,
        `UPDATE ${table} SET a = 'b'`,
        `UPDATE ${table} SET id = 2, more = large`,
        `UPDATE ${table} SET more = NULL`,
        `DELETE FROM ${table}`,
      ]),
    );
    assert.deepEqual(changes.map(short), [
      ['insert', '1', null, null, ['1', large, 'a', null]],
      ['update', '1', null, null, ['1', undefined, 'b', null]],
      ['update key', '2', '1', ['1', null, null, null], ['2', undefined, 'b', large]],
      ['update', '2', null, null, ['2', undefined, 'b', null]],
      ['delete key', '2', null, ['2', null, null, null], null],
      ['insert', '1', null, null, ['1', large, 'a', null]],
      ['update old', '1', null, ['1', large, 'a', null], ['1', large, 'b', null]],
      ['update old', '2', '1', ['1', large, 'b', null], ['2', large, 'b', large]],
      ['update old', '2', null, ['2', large, 'b', large], ['2', large, 'b', null]],
      ['delete old', '2', null, ['2', large, 'b', null], null],
    ]);
  });

  test('with a large key keep it when it is left out', async () => {
    await using database = await freshDatabase(major);
    const large = 'k'.repeat(2_500);
    const changes = await capture(
      database,
      `CREATE TABLE t (id text, a text, filler text, PRIMARY KEY (id));
       ALTER TABLE t ALTER id SET STORAGE EXTERNAL, ALTER filler SET STORAGE EXTERNAL`,
      [
        `INSERT INTO t VALUES ('${large}', 'a', repeat('f', 9000))`,
        `UPDATE t SET a = 'b'`,
        `DELETE FROM t`,
      ],
    );
    assert.deepEqual(
      changes.map(({ operation, key, previousKey }) => [operation, key, previousKey]),
      [
        ['insert', large, null],
        ['update', large, null],
        ['delete', large, null],
      ],
    );
  });
}

function testSchemaChanges(major: Major): void {
  test('columns added, dropped, renamed and retyped, tables renamed', async () => {
    await using database = await freshDatabase(major);
    const changes = await capture(database, 'CREATE TABLE t (id int PRIMARY KEY, a text)', [
      `INSERT INTO t VALUES (1, 'x')`,
      `ALTER TABLE t ADD b int DEFAULT 7`,
      `INSERT INTO t VALUES (2, 'x', 8)`,
      `ALTER TABLE t DROP COLUMN a`,
      `UPDATE t SET b = 9 WHERE id = 1`,
      `ALTER TABLE t RENAME b TO c`,
      `INSERT INTO t VALUES (3, 9)`,
      `ALTER TABLE t ALTER c TYPE numeric(8, 2)`,
      `INSERT INTO t VALUES (4, 9)`,
      `ALTER TABLE t RENAME TO renamed`,
      `CREATE SCHEMA other; ALTER TABLE renamed SET SCHEMA other`,
      `DELETE FROM other.renamed WHERE id = 1`,
    ]);
    const describe = ({ table, before, after }: RecordedChange): string =>
      `${table.schema}.${table.name}(${table.columns
        .map((column) => `${column.name} ${column.type}`)
        .join(', ')}): ${(after ?? before?.cells ?? []).join(', ')}`;
    assert.deepEqual(changes.map(describe), [
      'public.t(id integer, a text): 1, x',
      'public.t(id integer, a text, b integer): 2, x, 8',
      'public.t(id integer, b integer): 1, 9',
      'public.t(id integer, c integer): 3, 9',
      // The rewrite of a table is no change of its rows: nothing comes for it.
      'public.t(id integer, c numeric(8,2)): 4, 9.00',
      'other.renamed(id integer, c numeric(8,2)): 1, ',
    ]);
  });

  test('a primary key that moves while the identity is full', async () => {
    await using database = await freshDatabase(major);
    const changes = await capture(
      database,
      `CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL); ALTER TABLE t REPLICA IDENTITY FULL`,
      [`INSERT INTO t VALUES (1, 2)`],
    );
    assert.deepEqual(keyNames(changes[0]?.table), ['a']);
    await using stream = await openStream(database);
    await stream.caughtUp();
    await database.client.query(`ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b)`);
    await database.client.query(`INSERT INTO t VALUES (1, 3)`);
    await stream.caughtUp();
    assert.deepEqual(
      stream.receiver.changes.map(({ key }) => key),
      ['1', '3'],
    );
  });

  test('what is gone from the catalogue by now is still captured', async () => {
    await using database = await freshDatabase(major);
    await database.client.query(`CREATE TYPE mood AS ENUM ('ok')`);
    await database.client.query(`CREATE TABLE t (id int PRIMARY KEY, m mood, ms mood[]);
      CREATE TABLE f (a int, b int, n numeric(4, 1), PRIMARY KEY (a, b));
      ALTER TABLE f REPLICA IDENTITY FULL`);
    await createSlot(database);
    await database.client.query(`INSERT INTO t VALUES (1, 'ok', '{ok}')`);
    await database.client.query(`INSERT INTO f VALUES (1, 2, 3.5)`);
    await database.client.query(`DROP TABLE t, f; DROP TYPE mood`);
    await using stream = await openStream(database);
    await stream.caughtUp();
    const [t, f] = stream.receiver.changes;
    assert.deepEqual(t?.after, ['1', 'ok', '{ok}']);
    assert.equal(t.key, '1');
    assert.deepEqual(
      t.table.columns.map(({ type }) => type),
      ['integer', 'public.mood', 'public._mood'],
    );
    assert.deepEqual(f?.after, ['1', '2', '3.5']);
    assert.equal(f.table.columns[2]?.type, 'numeric(4,1)');
  });

  test('types that are not built in have their name and kind', async () => {
    await using database = await freshDatabase(major);
    const changes = await capture(
      database,
      `CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('ok'); CREATE DOMAIN s.money AS numeric(10, 2);
       CREATE DOMAIN s.deep AS s.money; CREATE DOMAIN s.list AS s.money[];
       CREATE TYPE s.pair AS (a int, b text); CREATE TYPE s.span AS RANGE (subtype = float8);
       CREATE TABLE t (id int PRIMARY KEY, m s.mood, ms s.mood[], d s.deep, ds s.deep[], l s.list,
         ls s.list[], p s.pair, ps s.pair[], r s.span, rs s.span[], b box[], c char(3)[])`,
      [`INSERT INTO t (id) VALUES (1)`],
    );
    assert.deepEqual(
      changes[0]?.table.columns.map(
        ({ type, kind, array }) => `${type}: ${kind}${array ? '[]' : ''}`,
      ),
      [
        'integer: integer',
        's.mood: text',
        's.mood[]: text[]',
        's.deep: decimal',
        's.deep[]: decimal[]',
        's.list: decimal[]',
        's.list[]: other[]',
        's.pair: other',
        's.pair[]: other[]',
        's.span: other',
        's.span[]: other[]',
        'box[]: other',
        'character(3)[]: text[]',
      ],
    );
  });
}

const INTEGER = { id: '23', is: 'base' } as const;
const TEXT = { id: '25', is: 'base' } as const;

for (const major of MAJORS) {
  describe(`rows of PostgreSQL ${major}`, () => testRows(major));
  describe(`schema changes while PostgreSQL ${major} streams`, () => testSchemaChanges(major));
}
