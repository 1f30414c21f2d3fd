/** Tables that a pattern matches and that are made later, and tables that change while captured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../src/change/change.ts';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import { freshDatabase, MAJORS } from './support/postgres.ts';
import { project } from './support/tidings-process.ts';
import { until } from './support/until.ts';

for (const major of MAJORS) {
  test(`PostgreSQL ${major}: a table made later is captured from its first row`, async () => {
    await using database = await freshDatabase(major);
    using at = project(database.url);
    const told: Change[] = [];
    const record = (_row: unknown, change: Change): void => void told.push(change);
    await using tidings = await createTidings(
      defineConfig({
        dataDir: at.dataDir,
        sources: { main: { url: database.url, tables: ['public.*'] } },
      }),
    );
    tidings.register('all', 'public.*', { insert: record, update: record, delete: record });
    await tidings.start();
    const { client } = database;

    await client.query(
      'BEGIN; CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); COMMIT',
    );
    // As a dump is restored: the key comes after the rows.
    await client.query('CREATE TABLE b (id int)');
    await client.query('INSERT INTO b VALUES (1), (2)');
    await client.query('ALTER TABLE b ADD PRIMARY KEY (id)');
    await client.query('UPDATE b SET id = 3 WHERE id = 2');
    await until(() => told.length === 4);
    assert.deepEqual(
      told.map(({ table, operation, after }) => [table, operation, after]),
      [
        ['a', 'insert', { id: 1 }],
        ['b', 'insert', { id: 1 }],
        ['b', 'insert', { id: 2 }],
        ['b', 'update', { id: 3 }],
      ],
    );

    // A table that loses its key must not make the application's own update fail.
    await client.query('ALTER TABLE b DROP CONSTRAINT b_pkey');
    await client.query('UPDATE b SET id = 4 WHERE id = 3');
    await client.query('INSERT INTO b VALUES (5)');
    await until(() => told.some(({ after }) => after?.['id'] === 5));
  });

  test(`PostgreSQL ${major}: columns change while captured, without a restart`, async () => {
    await using database = await freshDatabase(major);
    using at = project(database.url);
    const rows: unknown[] = [];
    const record = (row: unknown): void => void rows.push(row);
    const { client } = database;
    await client.query('CREATE TABLE t (id int PRIMARY KEY, a text)');
    await using tidings = await createTidings(
      defineConfig({
        dataDir: at.dataDir,
        sources: { main: { url: database.url, tables: ['public.*'] } },
      }),
    );
    tidings.register('all', 'public.*', { insert: record });
    await tidings.start();
    await client.query(`INSERT INTO t VALUES (1, 'x')`);
    await client.query(`ALTER TABLE t ADD COLUMN b int DEFAULT 7`);
    await client.query(`INSERT INTO t VALUES (2, 'x', 8)`);
    await client.query(`ALTER TABLE t RENAME COLUMN a TO renamed`);
    await client.query(`INSERT INTO t VALUES (3, 'y', 9)`);
    await client.query(`ALTER TABLE t ALTER COLUMN b TYPE numeric(8,2)`);
    await client.query(`INSERT INTO t VALUES (4, 'y', 9.5)`);
    await client.query(`ALTER TABLE t DROP COLUMN renamed`);
    await client.query(`INSERT INTO t VALUES (5, 1)`);
    await client.query(`ALTER TABLE t RENAME TO u`);
    await client.query(`INSERT INTO u VALUES (6, 1)`);
    await until(() => rows.length === 6);
    assert.deepEqual(rows, [
      { id: 1, a: 'x' },
      { id: 2, a: 'x', b: 8 },
      { id: 3, renamed: 'y', b: 9 },
      { id: 4, renamed: 'y', b: '9.50' },
      { id: 5, b: '1.00' },
      { id: 6, b: '1.00' },
    ]);
  });
}
