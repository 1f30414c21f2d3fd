/** Rows without a key that are changed in place, because others refer to them, and take each other's unique values. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comesBack, create, state } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

const CHILD = `CREATE TABLE k (id int PRIMARY KEY, code text REFERENCES bag (code) ON UPDATE CASCADE ON DELETE CASCADE);
  INSERT INTO k VALUES (1, 'a'), (2, 'b'), (3, 'c');`;

test('rows hand a unique value on', async (t) => {
  await using at = await undoFixture('');
  for (const [name, rows] of [
    ['one way', `('a', 1), ('b', 2), ('c', 3)`],
    ['the other way', `('c', 3), ('b', 2), ('a', 1)`],
  ] as const) {
    await t.test(name, async () => {
      await create(
        at,
        `CREATE TABLE bag (code text UNIQUE, n int UNIQUE); INSERT INTO bag VALUES ${rows}; ${CHILD}`,
      );
      await comesBack(
        at,
        `UPDATE bag SET n = 4 WHERE n = 3; UPDATE bag SET n = 3 WHERE n = 2; UPDATE bag SET n = 2 WHERE n = 1`,
      );
      await comesBack(
        at,
        `UPDATE bag SET n = 0 WHERE n = 1; UPDATE bag SET n = 1 WHERE n = 2; UPDATE bag SET n = 2 WHERE n = 3`,
      );
    });
  }
  await t.test('in a circle: what stands against it, with a way on', async () => {
    await create(
      at,
      `CREATE TABLE bag (code text UNIQUE, n int UNIQUE); INSERT INTO bag VALUES ('a', 1), ('b', 2), ('c', 3); ${CHILD}`,
    );
    const before = await state(at);
    await at.change(`INSERT INTO k VALUES (4, 'a')`);
    await at.change(`DELETE FROM k WHERE id = 4`);
    await at.log.refresh();
    const since = at.log.head;
    const transaction = await at.change(
      `UPDATE bag SET n = 9 WHERE n = 1; UPDATE bag SET n = 1 WHERE n = 2; UPDATE bag SET n = 2 WHERE n = 9`,
    );
    const { applied, conflicts } = await at.apply({ transaction });
    assert.deepEqual([applied, conflicts.byReason], [false, { 'unique-taken': 2 }]);
    const [first] = conflicts.list;
    assert.match(first?.message ?? '', /public\.bag.*\(a,2\)|public\.bag.*\(b,1\)/);
    const statement = /UPDATE .*;/.exec(first?.hint ?? '')?.[0] ?? '';
    await at.change(statement);
    assert.ok((await at.apply({ since, tables: ['public.bag', 'public.k'] })).applied);
    assert.deepEqual(await state(at), before);
  });
  await t.test(
    'of an index with an expression and a condition, beside a computed column',
    async () => {
      await create(
        at,
        `CREATE TABLE bag (code text UNIQUE, n int, up text GENERATED ALWAYS AS (upper(code)) STORED);
       CREATE UNIQUE INDEX ON bag ((n + length(up))) WHERE n > 0;
       INSERT INTO bag VALUES ('a', 1), ('b', 2), ('c', 3); ${CHILD}`,
      );
      await comesBack(at, `UPDATE bag SET n = n + 3`);
      await comesBack(
        at,
        `UPDATE bag SET n = 9 WHERE n = 3; UPDATE bag SET n = 3 WHERE n = 2; UPDATE bag SET n = 2 WHERE n = 1`,
      );
    },
  );
  await t.test('of an index of one partition', async () => {
    await create(
      at,
      `CREATE TABLE bag (p int, code text, n int, UNIQUE (p, code)) PARTITION BY LIST (p);
       CREATE TABLE bag_1 PARTITION OF bag FOR VALUES IN (1);
       CREATE TABLE bag_2 PARTITION OF bag FOR VALUES IN (2); CREATE UNIQUE INDEX ON bag_1 (n);
       CREATE TABLE k (id int PRIMARY KEY, p int, code text, FOREIGN KEY (p, code) REFERENCES bag (p, code) ON DELETE CASCADE);
       INSERT INTO bag VALUES (1, 'a', 1), (1, 'b', 2), (2, 'c', 1); INSERT INTO k VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c')`,
    );
    await comesBack(at, `UPDATE bag SET n = 3 WHERE n = 2; UPDATE bag SET n = 2 WHERE n = 1`);
    await comesBack(
      at,
      `UPDATE bag SET n = 0 WHERE code = 'a'; UPDATE bag SET n = 1 WHERE code = 'b'`,
    );
  });
});

test('an index of one partition beside a computed column, on a server that wants names for subqueries', async () => {
  await using at = await undoFixture('', { major: 14 });
  await create(
    at,
    `CREATE TABLE t (p int, id int, n int, g int GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (p, id)) PARTITION BY LIST (p);
     CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1); CREATE UNIQUE INDEX ON t_1 (n);
     INSERT INTO t VALUES (1, 1, 1), (1, 2, 2)`,
  );
  await comesBack(at, `UPDATE t SET n = 3 WHERE n = 2; UPDATE t SET n = 2 WHERE n = 1`);
});
