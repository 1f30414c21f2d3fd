/**
 * Undo of a transaction that is in the log, and that nobody sees yet: its commit waits for a
 * synchronous standby that is late. To take such a change for one that was undone already would leave
 * it in the database, with a message that says it is gone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { startTestServer } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { chosenFeatures } from './random-schema/features.ts';
import { openWorld, SERVER_SETTINGS } from './random-schema/world.ts';

const skip = !chosenFeatures(process.env['TIDINGS_FUZZ_FEATURES']).has('undo-while-late');

const CHANGES = [
  'INSERT INTO t VALUES (3, 3)',
  'UPDATE t SET v = 5 WHERE id = 1',
  'DELETE FROM t WHERE id = 1',
  'UPDATE t SET id = 7 WHERE id = 1',
  'INSERT INTO bag VALUES (2)',
  'DELETE FROM bag',
];

test('undo of what is not visible yet waits for it, or is refused', { skip }, async (t) => {
  await using server = await startTestServer(18, SERVER_SETTINGS);
  await using world = await openWorld(server.url);
  const { client } = world.database;
  await client.query(`CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE bag (n int);
    ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE bag REPLICA IDENTITY FULL;
    INSERT INTO t VALUES (1, 1), (2, 2); INSERT INTO bag VALUES (1), (1)`);
  const state = async (): Promise<readonly string[]> => {
    const { rows } = await client.query<{ row: string }>(
      `SELECT 't ' || t::text AS row FROM t UNION ALL SELECT 'bag ' || bag::text FROM bag ORDER BY 1`,
    );
    return rows.map(({ row }) => row);
  };
  for (const sql of CHANGES) {
    await t.test(sql, async () => {
      const before = await state();
      const writer = await world.database.connect();
      await writer.query('BEGIN');
      await writer.query(sql);
      const { rows } = await writer.query<{ id: string; pid: number }>(
        'SELECT pg_current_xact_id()::xid::text AS id, pg_backend_pid() AS pid',
      );
      const { id, pid } = rows[0] ?? { id: '', pid: 0 };
      await writer.query('SET LOCAL synchronous_commit = on');
      const commit = writer.query('COMMIT');
      await until(async () => (await world.find(id)) !== null);
      assert.deepEqual(await state(), before, 'nobody sees it yet');

      const undo = { over: false };
      const outcome = world.undo
        .runUndo({ transaction: id }, {}, world.signal)
        .then(({ result }) => result)
        .catch((error: unknown) => error)
        .finally(() => (undo.over = true));
      const waits = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      // It ends, or waits in the database, or otherwise: no longer than it waits for capture.
      const deadline = Date.now() + 3_000;
      await until(
        async () =>
          undo.over || Date.now() > deadline || (await client.query(waits)).rowCount !== 0,
      );
      await client.query('SELECT pg_cancel_backend($1)', [pid]);
      await commit;
      const result = await outcome;
      if (result instanceof Error) {
        if (!isTidingsError(result)) throw result;
        assert.equal(result.retryable, true, result.message);
        assert.notDeepEqual(await state(), before, 'refused: nothing was undone');
        const { result: again } = await world.undo.runUndo({ transaction: id }, {}, world.signal);
        assert.equal(again.applied, true);
      }
      assert.deepEqual(await state(), before, 'what was said to be undone is undone');
    });
  }
});
