/** Others write while an undo runs, and an undo that is killed: no lost update, never half an undo. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { start } from '../support/tidings-process.ts';
import { until } from '../support/until.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

const TABLE = `CREATE TABLE t (id int PRIMARY KEY, v int, w int); ALTER TABLE t REPLICA IDENTITY FULL;`;

async function waiting(at: UndoFixture): Promise<boolean> {
  const { rows } = await at.database.client.query<{ waits: boolean }>(
    `SELECT count(*) > 0 AS waits FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'tidings main'`,
  );
  return rows[0]?.waits === true;
}

/** No session of an undo is left. */
async function gone(at: UndoFixture): Promise<boolean> {
  const { rows } = await at.database.client.query<{ left: number }>(
    `SELECT count(*)::int AS left FROM pg_locks WHERE relation = 'public.t'::regclass
     AND pid <> pg_backend_pid()`,
  );
  return rows[0]?.left === 0;
}

describe('concurrency', () => {
  test('writers during plan and apply: every update of theirs stays', async () => {
    await using at = await undoFixture(TABLE);
    const rows = 200;
    await at.change(`INSERT INTO t SELECT g, 0, 0 FROM generate_series(1, ${rows}) g`);
    const made = new Map<number, number>();
    for (let round = 1; round <= 5; round++) {
      const transaction = await at.change(`UPDATE t SET w = ${round}`);
      const before = await at.rows('SELECT w FROM t WHERE w <> 0');
      assert.equal(before.length, rows);
      const stop = new AbortController();
      const writers = [1, 2, 3].map(async (seed) => {
        const client = await at.database.connect();
        for (let n = seed; !stop.signal.aborted; n += 7) {
          const id = ((n * 37) % rows) + 1;
          await client.query('UPDATE t SET v = v + 1 WHERE id = $1', [id]);
          made.set(id, (made.get(id) ?? 0) + 1);
        }
      });
      const result = await at.apply({ transaction }, { onConflict: 'skip' });
      stop.abort();
      await Promise.all(writers);
      assert.equal(result.total + result.skipped, rows);
      const { rows: found } = await at.database.client.query<{ id: number; v: number; w: number }>(
        'SELECT * FROM t ORDER BY id',
      );
      for (const { id, v } of found) assert.equal(v, made.get(id) ?? 0, `row ${id}`);
      assert.equal(found.filter(({ w }) => w !== round).length, result.total);
      await at.change('UPDATE t SET w = 0');
    }
  });

  test('a row that is being written: the undo waits, sees it, and refuses', async () => {
    await using at = await undoFixture(TABLE);
    await at.change('INSERT INTO t SELECT g, 0, 0 FROM generate_series(1, 10) g');
    const transaction = await at.change('UPDATE t SET w = 1');
    const writer = await at.database.connect();
    await writer.query('BEGIN; UPDATE t SET v = 7 WHERE id = 5');
    const plan = await at.plan({ transaction });
    assert.equal(plan.conflicts.total, 0, 'nobody has committed anything yet');
    const applying = at.undo.applyUndo(plan, {}, at.signal);
    await until(() => waiting(at));
    await writer.query('COMMIT');
    const result = await applying;
    assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'changed-later': 1 }]);
    assert.deepEqual(await at.rows('SELECT v, w FROM t WHERE id = 5'), ['(7,1)']);
  });

  test('a key that is taken while the undo inserts it: all or nothing', async () => {
    await using at = await undoFixture(TABLE);
    await at.change('INSERT INTO t SELECT g, 0, 0 FROM generate_series(1, 10) g');
    const transaction = await at.change('DELETE FROM t');
    const writer = await at.database.connect();
    await writer.query('BEGIN; INSERT INTO t VALUES (5, 5, 5)');
    const plan = await at.plan({ transaction });
    const applying = at.undo.applyUndo(plan, {}, at.signal);
    await until(() => waiting(at));
    await writer.query('COMMIT');
    await assert.rejects(applying, (error) => isTidingsError(error, 'UNDO_REFUSED'));
    assert.deepEqual(await at.rows('SELECT * FROM t'), ['(5,5,5)']);
  });

  for (const how of ['killed', 'cut off'] as const) {
    test(`${how} in the middle of applying: nothing is changed, and it can be done again`, async () => {
      await using at = await undoFixture(TABLE);
      const { client, url } = at.database;
      await at.change('INSERT INTO t SELECT g, g, g FROM generate_series(1, 1000) g');
      const before = await at.rows('SELECT * FROM t ORDER BY id');
      const transaction = await at.change('DELETE FROM t');
      // Its insert has done most of its rows when it comes to this one, and waits.
      const writer = await at.database.connect();
      await writer.query('BEGIN; INSERT INTO t VALUES (900, 0, 0)');
      const config = join(at.directory, 'tidings.config.json');
      const source = { url, tables: ['public.*'] };
      writeFileSync(
        config,
        JSON.stringify({ dataDir: join(at.directory, 'data'), sources: { main: source } }),
      );
      const child = start(['undo', '--config', config, '--transaction', transaction, '--apply']);
      await until(() => waiting(at));
      if (how === 'killed') child.kill('SIGKILL');
      else {
        await client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.notEqual(child.exitCode, 0);
      await writer.query('ROLLBACK');
      await until(() => gone(at));
      assert.deepEqual(await at.rows('SELECT * FROM t'), [], 'nothing came back');
      const result = await at.apply({ transaction });
      assert.equal(result.total, 1000);
      assert.deepEqual(await at.rows('SELECT * FROM t ORDER BY id'), before);
    });
  }
});
