/**
 * Rows whose text is larger than PostgreSQL can put together: no connection can have them. Their
 * transactions are left out as a whole and told as gaps; everything else is captured.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openInspection } from '../src/app/inspection/inspect.ts';
import { createTidings } from '../src/app/create-tidings.ts';
import { defineConfig } from '../src/config/define-config.ts';
import type { Logger } from '../src/observe/logger.ts';
import { SILENT } from '../src/observe/logger.ts';
import { freshDatabase } from './postgres.ts';
import { until } from './until.ts';

/** As text it has twice as many characters and a little more than a gigabyte. */
const HUGE = `repeat('x', 540000000)::bytea`;

test(
  'a transaction that cannot be sent costs nothing but itself',
  { timeout: 240_000 },
  async () => {
    await using database = await freshDatabase();
    const { client } = database;
    await client.query(`CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE big (id int PRIMARY KEY, v bytea);
    ALTER TABLE big ALTER v SET COMPRESSION pglz`);
    const dataDir = mkdtempSync(join(tmpdir(), 'tidings-unsendable-'));
    const warnings: string[] = [];
    const logger: Logger = {
      ...SILENT,
      warn: (_text, fields) => void warnings.push(String(fields?.['error'])),
      with: () => logger,
    };
    const config = defineConfig({
      dataDir,
      sources: { main: { url: database.url, tables: ['public.*'] } },
    });
    const told: unknown[] = [];
    const open = async () => {
      const tidings = await createTidings(config, { logger });
      tidings.register('a', 'public.a', { insert: (row) => void told.push(row['id']) });
      await tidings.start();
      return tidings;
    };
    const other = await database.connect();
    const ids: string[] = [];
    const huge = async (id: number): Promise<void> => {
      await client.query('BEGIN');
      const { rows } = await client.query<{ id: string }>(
        'SELECT pg_current_xact_id()::text AS id',
      );
      ids.push(rows[0]?.id ?? '');
      await client.query(`INSERT INTO a VALUES (${id}0)`);
      await client.query(`INSERT INTO big VALUES (${id}, ${HUGE})`);
      await client.query(`INSERT INTO a VALUES (${id}1)`);
      await client.query('COMMIT');
    };
    {
      await using tidings = await open();
      // Committed around the one that cannot be sent, begun before it.
      await other.query('BEGIN; INSERT INTO a VALUES (1)');
      await client.query('INSERT INTO a VALUES (2)');
      await huge(7);
      await other.query('INSERT INTO a VALUES (3); COMMIT');
      await until(() => told.length === 3, 120_000);
      assert.deepEqual(told, [2, 1, 3]);
      assert.equal((await tidings.status()).sources[0]?.state, 'streaming');
      assert.equal((await tidings.status()).sources[0]?.log.gaps, 1);
    }
    // Two in a row, while nobody reads.
    await huge(8);
    await huge(9);
    await client.query('INSERT INTO a VALUES (4); INSERT INTO big VALUES (1, NULL)');
    for (const again of [5, 6]) {
      await using _tidings = await open();
      await client.query(`INSERT INTO a VALUES (${again})`);
      await until(() => told.at(-1) === again, 120_000);
    }
    assert.deepEqual(told, [2, 1, 3, 4, 5, 6]);

    assert.equal(warnings.length, 3, warnings.join('\n'));
    await using inspection = await openInspection(config);
    const { gaps, findings } = await inspection.verify({}, new AbortController().signal);
    assert.deepEqual(findings, []);
    assert.equal(gaps.length, 3);
    for (const [at, { reason, from, to }] of gaps.entries()) {
      assert.match(reason, new RegExp(`could not send transaction ${ids[at]}, committed at 20`));
      assert.match(reason, /at a row of one of public\.a, public\.big$/);
      assert.ok(from !== null && to !== null && from < to);
    }
    rmSync(dataDir, { recursive: true });
  },
);
