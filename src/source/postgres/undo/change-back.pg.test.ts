/** When the short way is taken, what it refuses to take, and that it leaves no trace then. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { type Cell, encodeImages } from '../../../change/row-images.ts';
import type { StoredChange } from '../../../change/stored-change.ts';
import type { Column, TableDefinition } from '../../../change/table.ts';
import { isTidingsError } from '../../../errors/tidings-error.ts';
import { until } from '../../../../test/support/until.ts';
import { changeBack } from './change-back.ts';
import { StagedTables } from './staged-tables.ts';
import { UndoConnection } from './undo-connection.ts';

const SCHEMA = `
  CREATE TABLE t (id int PRIMARY KEY, v text, w numeric);
  CREATE TABLE followed (id int PRIMARY KEY, v text UNIQUE, w numeric);
  CREATE TABLE follows (v text REFERENCES followed (v) ON UPDATE CASCADE, id int REFERENCES t);
  CREATE TABLE triggered (LIKE t INCLUDING ALL);
  CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
  CREATE TRIGGER keep BEFORE UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION keep();
  CREATE TABLE ruled (LIKE t INCLUDING ALL);
  CREATE RULE also AS ON UPDATE TO ruled DO ALSO DELETE FROM follows;
  CREATE TABLE wanted (id int PRIMARY KEY, v text UNIQUE, w numeric CHECK (w < 100));
  CREATE TABLE numbered (id int PRIMARY KEY, v int GENERATED ALWAYS AS IDENTITY, w numeric);
  CREATE TABLE fixed (id int PRIMARY KEY, v tsquery, w numeric);
  CREATE COLLATION ignoring (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE collated (id int PRIMARY KEY, v text COLLATE ignoring, w numeric);
  CREATE TABLE lists (id int PRIMARY KEY, v float8[], w numeric);
  CREATE DOMAIN label AS text COLLATE ignoring;
  CREATE TABLE labelled (id int PRIMARY KEY, v label, w numeric);
  CREATE TABLE decimal (id numeric PRIMARY KEY, v text, w numeric);`;

type Row = readonly Cell[];
type Update = readonly [old: Row, now: Row];

describe('change back', () => {
  let database: TestDatabase;
  /** The number of the domain, without which nobody could say what it was. */
  let label = '';
  before(async () => {
    database = await freshDatabase();
    await database.client.query(SCHEMA);
    const { rows } = await database.client.query<{ id: string }>(
      `SELECT 'label'::regtype::oid::text AS id`,
    );
    label = rows[0]?.id ?? '';
  });
  after(async () => {
    await database[Symbol.asyncDispose]();
  });

  /** Stages, tries, and commits. */
  async function tryIt(
    name: string,
    images: Iterable<Uint8Array>,
    settings = 'SELECT',
  ): Promise<boolean> {
    await using connection = await UndoConnection.open(
      { source: 'main', url: database.url },
      AbortSignal.timeout(60_000),
    );
    const definition = definitionOf(name, label);
    const staged = await new StagedTables(connection, { pairs: true }).enter(
      change(definition, 0, new Uint8Array()),
    );
    assert.ok(staged !== null);
    let offset = 0;
    for (const bytes of images) {
      await staged.add(change(definition, offset, bytes));
      offset += 1;
    }
    await staged.send();
    await connection.run(settings);
    const taken = await changeBack(connection, staged);
    await connection.run('COMMIT');
    return taken;
  }

  /** Puts the rows there, tries, and says what came of it. */
  async function attempt(
    name: string,
    {
      rows,
      updates,
      also = [],
    }: { rows: readonly Row[]; updates: readonly Update[]; also?: readonly Row[] },
  ): Promise<{ readonly taken: boolean; readonly left: readonly Row[] }> {
    const { client } = database;
    await client.query(`TRUNCATE ${name} CASCADE`);
    for (const row of rows) {
      await client.query(`INSERT INTO ${name} OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3)`, [
        ...row,
      ]);
    }
    const inserts = also.map((row) => encodeImages({ before: null, after: row }));
    const taken = await tryIt(name, [...updates.map(imagesOf), ...inserts]);
    const { rows: left } = await client.query<(string | null)[]>({
      text: `SELECT id::text, v::text, w::text FROM ${name} ORDER BY id`,
      rowMode: 'array',
    });
    return { taken, left };
  }

  test('updates that nobody has touched since, each of its columns', async () => {
    const { taken, left } = await attempt('t', {
      rows: [
        ['1', 'x', '1'],
        ['2', null, '1.0'],
        ['3', 'same', '7'],
      ],
      updates: [
        [
          ['1', 'a\t\\', '1'],
          ['1', 'x', '1'],
        ],
        [
          ['2', 'b', '1'],
          ['2', null, '1.0'],
        ],
        [
          ['3', 'same', '7'],
          ['3', 'same', '7'],
        ],
      ],
    });
    assert.ok(taken);
    assert.deepEqual(left, [
      ['1', 'a\t\\', '1'],
      ['2', 'b', '1'],
      ['3', 'same', '7'],
    ]);
    assert.equal((await attempt('t', { rows: [], updates: [] })).taken, false, 'nothing to do');
  });

  test('many rows, of which a column differs only in the last one', async () => {
    const last = 10_002;
    const { client } = database;
    await client.query('TRUNCATE t CASCADE');
    await client.query(`INSERT INTO t SELECT g, 'now', 1 FROM generate_series(0, ${last}) g`);
    const images = function* (): Generator<Uint8Array> {
      for (let id = 0; id <= last; id++) {
        const was = id === last ? '2' : '1';
        yield imagesOf([
          [String(id), 'was', was],
          [String(id), 'now', '1'],
        ]);
      }
    };
    assert.ok(await tryIt('t', images()));
    const { rows } = await client.query<{ v: string; w: string; n: number }>(
      'SELECT v, w::text, count(*)::int AS n FROM t GROUP BY 1, 2 ORDER BY 3',
    );
    assert.deepEqual(rows, [
      { v: 'was', w: '2', n: 1 },
      { v: 'was', w: '1', n: last },
    ]);
  });

  const ONE: Update = [
    ['1', 'old', '1'],
    ['1', 'new', '1'],
  ];
  const NOT_TAKEN: readonly (readonly [string, string, Parameters<typeof attempt>[1]])[] = [
    ['a row changed later', 't', { rows: [['1', 'later', '1']], updates: [ONE] }],
    ['a row changed later in another column', 't', { rows: [['1', 'new', '2']], updates: [ONE] }],
    [
      'a value that is equal and not the same',
      't',
      { rows: [['1', 'new', '1.0']], updates: [ONE] },
    ],
    [
      'a null for a text',
      't',
      {
        rows: [['1', null, '1']],
        updates: [
          [
            ['1', 'a', '1'],
            ['1', '', '1'],
          ],
        ],
      },
    ],
    [
      'a text for a null',
      't',
      {
        rows: [['1', '', '1']],
        updates: [
          [
            ['1', 'a', '1'],
            ['1', null, '1'],
          ],
        ],
      },
    ],
    [
      'a text that its collation takes for the same',
      'collated',
      {
        rows: [['1', 'NEW', '1']],
        updates: [ONE],
      },
    ],
    ['the same of a domain', 'labelled', { rows: [['1', 'NEW', '1']], updates: [ONE] }],
    [
      'an array whose values are equal and not the same',
      'lists',
      {
        rows: [['1', '{-0}', '1']],
        updates: [
          [
            ['1', '{1}', '1'],
            ['1', '{0}', '1'],
          ],
        ],
      },
    ],
    [
      'a row that is gone, beside one that is not',
      't',
      {
        rows: [['2', 'new', '1']],
        updates: [
          ONE,
          [
            ['2', 'old', '1'],
            ['2', 'new', '1'],
          ],
        ],
      },
    ],
    [
      'a row changed twice',
      't',
      {
        rows: [['1', 'newest', '1']],
        updates: [
          ONE,
          [
            ['1', 'new', '1'],
            ['1', 'newest', '1'],
          ],
        ],
      },
    ],
    [
      'a row changed there and back',
      't',
      {
        rows: [['1', 'old', '1']],
        updates: [
          ONE,
          [
            ['1', 'new', '1'],
            ['1', 'old', '1'],
          ],
        ],
      },
    ],
    [
      'a row that got another key',
      't',
      {
        rows: [['2', 'new', '1']],
        updates: [
          [
            ['1', 'old', '1'],
            ['2', 'new', '1'],
          ],
        ],
      },
    ],
    [
      'a key that is written another way',
      'decimal',
      {
        rows: [['1.0', 'new', '1']],
        updates: [
          [
            ['1', 'old', '1'],
            ['1.0', 'new', '1'],
          ],
        ],
      },
    ],
    [
      'an insert beside the update',
      't',
      {
        rows: [
          ['1', 'new', '1'],
          ['2', 'fresh', '1'],
        ],
        updates: [ONE],
        also: [['2', 'fresh', '1']],
      },
    ],
    ['a table with rules', 'ruled', { rows: [['1', 'new', '1']], updates: [ONE] }],
    ['a table with triggers', 'triggered', { rows: [['1', 'new', '1']], updates: [ONE] }],
    [
      'a column that foreign keys follow',
      'followed',
      { rows: [['1', 'new', '1']], updates: [ONE] },
    ],
    [
      'a unique value that another row has now',
      'wanted',
      {
        rows: [
          ['1', 'new', '1'],
          ['2', 'old', '1'],
        ],
        updates: [ONE],
      },
    ],
    [
      'unique values that were exchanged',
      'wanted',
      {
        rows: [
          ['1', 'b', '1'],
          ['2', 'a', '1'],
        ],
        updates: [
          [
            ['1', 'a', '1'],
            ['1', 'b', '1'],
          ],
          [
            ['2', 'b', '1'],
            ['2', 'a', '1'],
          ],
        ],
      },
    ],
    [
      'a row that a constraint refuses',
      'wanted',
      {
        rows: [['1', 'a', '1']],
        updates: [
          [
            ['1', 'a', '200'],
            ['1', 'a', '1'],
          ],
        ],
      },
    ],
    [
      'an identity column that changed',
      'numbered',
      {
        rows: [['1', '8', '1']],
        updates: [
          [
            ['1', '7', '1'],
            ['1', '8', '1'],
          ],
        ],
      },
    ],
    [
      'a type whose values cannot be moved out of the row',
      'fixed',
      {
        rows: [['1', "'b'", '1']],
        updates: [
          [
            ['1', "'a'", '1'],
            ['1', "'b'", '1'],
          ],
        ],
      },
    ],
  ];
  for (const [what, name, given] of NOT_TAKEN) {
    test(`not taken, and nothing changed: ${what}`, async () => {
      const { taken, left } = await attempt(name, given);
      assert.equal(taken, false);
      assert.deepEqual(left, given.rows);
    });
  }

  test('a column that nobody follows, of a table that others refer to by its key', async () => {
    const { taken, left } = await attempt('t', { rows: [['1', 'new', '1']], updates: [ONE] });
    assert.deepEqual([taken, left], [true, [['1', 'old', '1']]]);
    const other: Update = [
      ['1', 'a', '2'],
      ['1', 'a', '1'],
    ];
    assert.ok((await attempt('followed', { rows: [['1', 'a', '1']], updates: [other] })).taken);
  });

  test('whatever the types are, when the row is to the letter what the update left', async () => {
    const values: Readonly<Record<string, readonly [old: string, now: string]>> = {
      collated: ['old', 'NEW'],
      lists: ['{1}', '{-0}'],
      decimal: ['old', 'new'],
      wanted: ['old', 'new'],
    };
    for (const [name, [old, now]] of Object.entries(values)) {
      const id = name === 'decimal' ? '1.0' : '1';
      const updates: readonly Update[] = [
        [
          [id, old, '1'],
          [id, now, '1'],
        ],
      ];
      const { taken, left } = await attempt(name, { rows: [[id, now, '1']], updates });
      assert.deepEqual([name, taken, left], [name, true, [[id, old, '1']]]);
    }
  });

  const BOTH: readonly Update[] = ['1', '2'].map((id) => [
    [id, 'old', '1'],
    [id, 'new', '1'],
  ]);

  async function waits(): Promise<boolean> {
    const { rows } = await database.client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query LIKE 'UPDATE%undo_pair%'`,
    );
    return rows.length > 0;
  }

  test('a lock that is not to be had ends the undo, and is not waited for twice', async () => {
    const { client } = database;
    await client.query(`TRUNCATE t CASCADE; INSERT INTO t VALUES (1, 'new', 1), (2, 'new', 1)`);
    const writer = await database.connect();
    await writer.query('BEGIN; SELECT FROM t WHERE id = 2 FOR UPDATE');
    const settings = `SET LOCAL lock_timeout = '100ms'`;
    await assert.rejects(tryIt('t', BOTH.map(imagesOf), settings), (error) =>
      isTidingsError(error, 'UNDO_LOCKED'),
    );
    await writer.query('ROLLBACK');
    assert.ok(await tryIt('t', BOTH.map(imagesOf)));
    await writer.end();
  });

  test('who waits in a circle lets go of everything, and the other one goes on', async () => {
    const { client } = database;
    await client.query(`TRUNCATE t CASCADE; INSERT INTO t VALUES (1, 'new', 1), (2, 'new', 1)`);
    const writer = await database.connect();
    await writer.query(`SET deadlock_timeout = '60s'; BEGIN; UPDATE t SET w = 2 WHERE id = 2`);
    const trying = tryIt('t', BOTH.map(imagesOf), `SET LOCAL deadlock_timeout = '3s'`);
    await until(waits);
    await writer.query('UPDATE t SET w = 2 WHERE id = 1');
    assert.equal(await trying, false);
    await writer.query('COMMIT');
    const { rows } = await client.query('SELECT v FROM t WHERE w = 2');
    assert.deepEqual(rows, [{ v: 'new' }, { v: 'new' }]);
    await writer.end();
  });
});

/** Types other than `integer, text, numeric`, as the log has them. */
const TYPES: Readonly<Record<string, Readonly<Record<string, Partial<Column>>>>> = {
  numbered: { v: { type: 'integer', kind: 'integer' } },
  fixed: { v: { type: 'tsquery', kind: 'other' } },
  decimal: { id: { type: 'numeric', kind: 'decimal' } },
  lists: { v: { type: 'double precision[]', kind: 'float', array: true } },
  labelled: { v: { type: 'public.label', kind: 'text' } },
};

function definitionOf(name: string, label: string): TableDefinition {
  const shape = { id: label, is: 'domain', of: { id: '25', is: 'base' } } as const;
  const columns: readonly Column[] = [
    { name: 'id', type: 'integer', kind: 'integer', array: false },
    { name: 'v', type: 'text', kind: 'text', array: false },
    { name: 'w', type: 'numeric', kind: 'decimal', array: false },
  ];
  return {
    schema: 'public',
    name,
    columns: columns.map((column) => ({
      ...column,
      ...TYPES[name]?.[column.name],
      ...(name === 'labelled' && column.name === 'v' ? { shape } : {}),
    })),
    key: [0],
    identity: 'full',
    dialect: 'postgres',
  };
}

function imagesOf([old, now]: Update): Uint8Array {
  return encodeImages({ before: { kind: 'old', cells: old }, after: now });
}

function change(table: TableDefinition, offset: number, images: Uint8Array): StoredChange {
  const transaction = {
    id: '2000000000',
    position: '0',
    first: 0,
    last: 0,
    committedAt: 0,
    context: null,
  };
  const row = { key: null, previousKey: null, operation: 'update' as const };
  return { offset, table, images, transaction, ...row };
}
