/** A partitioned table as it was, with a real service: every moment shows what was recorded, or is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { openUndo } from '../../src/app/undo.ts';
import { capture, rowsNow, rowsThen, signal } from './fixture.ts';

const SET_UP = `
  CREATE TABLE ord (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
  CREATE TABLE ord_1 PARTITION OF ord FOR VALUES FROM (0) TO (10);
  CREATE TABLE ord_2 (note text, id int NOT NULL);
  ALTER TABLE ord ATTACH PARTITION ord_2 FOR VALUES FROM (10) TO (20);
  CREATE TABLE ord_3 (id int NOT NULL, note text);
  ALTER TABLE ord_1 REPLICA IDENTITY FULL; ALTER TABLE ord_2 REPLICA IDENTITY FULL;
  ALTER TABLE ord_3 REPLICA IDENTITY FULL; ALTER TABLE ord REPLICA IDENTITY FULL;
  INSERT INTO ord VALUES (1, 'one'), (2, 'two'), (11, 'eleven'); INSERT INTO ord_3 VALUES (21, 'old')`;

/**
 * What is done, one transaction each; and the first of the moments before it that cannot be shown any
 * more after it, because it took rows of which no change tells. Moment n is the one after n steps.
 */
const STEPS: readonly (readonly [sql: string, lostFrom?: number])[] = [
  [`UPDATE ord SET note = note || '!' WHERE id IN (1, 11)`],
  [`UPDATE ord SET id = 12 WHERE id = 2`],
  [`ALTER TABLE ord ATTACH PARTITION ord_3 FOR VALUES FROM (20) TO (30)`],
  [`UPDATE ord SET note = 'new' WHERE id = 21; INSERT INTO ord VALUES (22, 'more')`],
  [`UPDATE ord SET id = 3 WHERE id = 22`],
  [
    `CREATE TABLE ord_4 PARTITION OF ord FOR VALUES FROM (30) TO (40); ALTER TABLE ord_4 REPLICA IDENTITY FULL`,
  ],
  [`INSERT INTO ord VALUES (31, 'short')`],
  [`DROP TABLE ord_4`, 6],
  [`ALTER TABLE ord RENAME note TO text; ALTER TABLE ord RENAME TO orders`],
  [`UPDATE orders SET text = 'renamed' WHERE id = 1`],
  [`TRUNCATE ord_2`, 0],
  [`INSERT INTO orders VALUES (13, 'again')`],
  [`ALTER TABLE orders DETACH PARTITION ord_1`],
  [`DELETE FROM orders WHERE id = 13`],
];

test('as of: over attach, detach, drop, truncate, moves and renames, with a real service', async () => {
  await using captured = await capture(SET_UP);
  const { client, looking } = captured;
  const moments: { offset: number; rows: readonly string[]; lost: boolean }[] = [];
  let table = 'public.ord';
  const record = async (): Promise<void> => {
    moments.push({
      offset: await captured.head(),
      rows: await rowsNow(client, table),
      lost: false,
    });
  };
  await record();
  for (const [sql, lostFrom] of STEPS) {
    // A change of its own gives each transaction an offset, which DDL alone does not have.
    await captured.commit(`INSERT INTO mark DEFAULT VALUES; ${sql}`);
    if (sql.includes('RENAME TO')) table = 'public.orders';
    await captured.settled();
    for (const [index, moment] of moments.entries()) {
      if (lostFrom !== undefined && index >= lostFrom) moment.lost = true;
      const shown = await rowsThen(looking, { table, asOf: { offset: moment.offset } }).catch(
        (error: unknown) => {
          const known =
            isTidingsError(error, 'AS_OF_PARTITION') || isTidingsError(error, 'AS_OF_TRUNCATED');
          if (!known) throw error;
          return null;
        },
      );
      const which = `at offset ${moment.offset}, after: ${sql}`;
      if (moment.lost) assert.equal(shown, null, which);
      else assert.deepEqual(shown, moment.rows, which);
    }
    await record();
  }
  await using undo = openUndo(captured.config);
  const [first] = moments;
  const plan = await undo.planUndo({ tables: ['orders'], to: first?.offset ?? 0 }, {}, signal);
  assert.equal(plan.conflicts.byReason['partition-changed'], 2, 'one left, one joined');
  assert.equal(plan.conflicts.byReason.truncated, 1);
});
