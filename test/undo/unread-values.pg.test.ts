/** The preview of values that the database cannot read any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undoFixture } from './fixture.ts';

test('a value that its type cannot read now is shown as the log has it', async () => {
  await using at = await undoFixture(`
    CREATE TABLE t (id int PRIMARY KEY, m text, n text); ALTER TABLE t REPLICA IDENTITY FULL;
    INSERT INTO t VALUES (1, 'sad', NULL), (2, 'sad', '7'), (3, 'ok', 'x'), (4, NULL, '1')`);
  const transaction = await at.change(`
    DELETE FROM t WHERE id = 1; UPDATE t SET m = 'better' WHERE id = 2;
    UPDATE t SET m = 'best' WHERE id = 2; UPDATE t SET n = '8' WHERE id = 3;
    INSERT INTO t VALUES (5, 'new', '5'); DELETE FROM t WHERE id = 4`);
  await at.database.client.query(`
    CREATE TYPE mood AS ENUM ('ok', 'blue');
    ALTER TABLE t ALTER m TYPE mood USING CASE m WHEN 'ok' THEN m::mood ELSE 'blue' END;
    ALTER TABLE t ALTER n TYPE int USING CASE n WHEN 'x' THEN 0 ELSE n::int END`);
  const plan = await at.plan({ transaction });
  const rows = [];
  for await (const row of at.undo.undoRows(plan, at.signal)) rows.push(row);
  for (const found of [plan.sample, rows]) {
    const values = found.map(({ key, before, after, changed }) => [
      Number(key?.['id']),
      before === null ? null : [before['m'], before['n']].map(String),
      after === null ? null : [after['m'], after['n']].map(String),
      changed,
    ]);
    assert.deepEqual(
      values.toSorted((one, other) => Number(one[0]) - Number(other[0])),
      [
        [1, null, ['sad', 'null'], null],
        [2, ['best', '7'], ['sad', '7'], ['m']],
        [3, ['ok', '8'], ['ok', 'x'], ['n']],
        [4, null, ['null', '1'], null],
        [5, ['new', '5'], null, null],
      ],
    );
  }
});
