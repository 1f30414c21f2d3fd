/**
 * Rows that take unique values from each other, where a foreign key acts on them: they cannot be deleted
 * and put there anew, and an update finds the value free only after the row that has it now.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comesBack, create, runScript, scriptOf, state } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

test('a chain of values that others refer to', async () => {
  await using at = await undoFixture('');
  for (const action of [
    'ON UPDATE CASCADE ON DELETE CASCADE',
    'ON UPDATE SET NULL ON DELETE CASCADE',
    'ON UPDATE SET DEFAULT ON DELETE SET NULL',
    'ON UPDATE CASCADE ON DELETE RESTRICT',
    'ON DELETE CASCADE',
  ]) {
    await create(
      at,
      `CREATE TABLE p (id int PRIMARY KEY, n int UNIQUE);
       CREATE TABLE k (id int PRIMARY KEY, n int DEFAULT 9 REFERENCES p (n) ${action});
       INSERT INTO p VALUES (1, 1), (2, 2), (3, 3), (9, 9); INSERT INTO k VALUES (1, 1), (2, 2), (3, 3), (4, 2);`,
    );
    const follow = action.includes('UPDATE') ? '' : 'UPDATE k SET n = 9 WHERE n < 9;';
    await comesBack(
      at,
      `${follow} UPDATE p SET n = 5 WHERE id = 1; UPDATE p SET n = 1 WHERE id = 2`,
    );
    await comesBack(
      at,
      `${follow} UPDATE p SET n = n + 10 WHERE id = 3; UPDATE p SET n = 3 WHERE id = 2;
       UPDATE p SET n = 2 WHERE id = 1; INSERT INTO p VALUES (4, 1)`,
    );
  }
});

test('a list whose places move up, with what refers to its rows', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE place (id int PRIMARY KEY, list int NOT NULL, at int NOT NULL, UNIQUE (list, at));
     CREATE TABLE word (id int PRIMARY KEY, place int NOT NULL REFERENCES place ON DELETE CASCADE);
     CREATE TABLE mark (list int, at int, PRIMARY KEY (list, at),
       FOREIGN KEY (list, at) REFERENCES place (list, at) ON UPDATE CASCADE ON DELETE CASCADE);
     INSERT INTO place SELECT g, g % 2, g / 2 FROM generate_series(0, 19) g;
     INSERT INTO word SELECT g, g FROM generate_series(0, 19) g WHERE g <> 8;
     INSERT INTO mark SELECT list, at FROM place WHERE id NOT IN (6, 7);`,
  );
  const up = (list: number): string => `DO $$ DECLARE row place; BEGIN
    FOR row IN SELECT * FROM place WHERE list = ${list} AND at > 0 ORDER BY at LOOP
      UPDATE place SET at = at - 1 WHERE id = row.id; END LOOP; END $$;`;
  await comesBack(at, `DELETE FROM place WHERE id = 0; ${up(0)}`);
  await comesBack(
    at,
    `DELETE FROM place WHERE id = 1; ${up(1)} UPDATE place SET list = 1, at = 30 WHERE id = 0; ${up(0)}`,
  );
});

test('chains through tables that follow, and through the table itself', async () => {
  await using at = await undoFixture('');
  const action = 'ON UPDATE CASCADE ON DELETE CASCADE';
  await create(
    at,
    `CREATE TABLE p (id int PRIMARY KEY, a int UNIQUE, b int UNIQUE);
     CREATE TABLE k (id int PRIMARY KEY, a int UNIQUE REFERENCES p (a) ${action}, b int REFERENCES p (b) ${action});
     CREATE TABLE m (a int REFERENCES k (a) ${action}, note text);
     CREATE TABLE tree (id int PRIMARY KEY, name text UNIQUE, up text REFERENCES tree (name) ${action});
     INSERT INTO p VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO k VALUES (1, 1, 3), (2, 2, 2), (3, 3, 1);
     INSERT INTO m VALUES (1, 'x'), (2, 'y'), (2, 'y'), (3, 'z');
     INSERT INTO tree VALUES (1, 'a', NULL), (2, 'b', 'a'), (3, 'c', 'b'), (4, 'd', 'c');`,
  );
  await comesBack(at, `UPDATE p SET a = 7 WHERE id = 1; UPDATE p SET a = 1 WHERE id = 2`);
  await comesBack(
    at,
    `UPDATE p SET a = 7, b = 7 WHERE id = 1; UPDATE p SET a = 1 WHERE id = 2;
     UPDATE p SET b = 1 WHERE id = 2; UPDATE p SET a = 2, b = 2 WHERE id = 3`,
  );
  await comesBack(
    at,
    `UPDATE tree SET name = 'x' WHERE id = 2; UPDATE tree SET name = 'b' WHERE id = 3;
     UPDATE tree SET name = 'c' WHERE id = 4`,
  );
});

test('columns that were added since keep their values', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    'CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)',
  );
  const before = await state(at);
  const transaction = await at.change(
    'UPDATE t SET u = 7 WHERE id = 1; UPDATE t SET u = 1 WHERE id = 2; UPDATE t SET u = 2 WHERE id = 3',
  );
  await at.change(`ALTER TABLE t ADD COLUMN note text; UPDATE t SET note = 'mine'`);
  const result = await at.apply({ transaction });
  assert.deepEqual([result.applied, result.conflicts.list], [true, []]);
  assert.deepEqual(await at.rows('SELECT note FROM t'), ['(mine)', '(mine)', '(mine)']);
  await at.database.client.query('ALTER TABLE t DROP COLUMN note');
  assert.deepEqual(await state(at), before);
});

test('values that go round, where one of the rows can come back with all that refers to it', async () => {
  await using at = await undoFixture('');
  const round = (column: string): string =>
    `UPDATE p SET ${column} = -1 WHERE id = 1; UPDATE p SET ${column} = 1 WHERE id = 2;
     UPDATE p SET ${column} = 2 WHERE id = 3; UPDATE p SET ${column} = 3 WHERE id = 1`;
  for (const [children, column] of [
    [`k (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE)`, 'n'],
    [`k (id int PRIMARY KEY, p int REFERENCES p (n) ON UPDATE CASCADE ON DELETE CASCADE)`, 'n'],
    [`k (id int PRIMARY KEY, p int REFERENCES p (n) ON UPDATE SET NULL ON DELETE SET NULL)`, 'n'],
  ] as const) {
    await create(
      at,
      `CREATE TABLE p (id int PRIMARY KEY, n int UNIQUE NOT NULL, note text); CREATE TABLE ${children};
       INSERT INTO p VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
       INSERT INTO k SELECT id, id FROM p ${children.includes('(n)') ? '' : 'WHERE id < 3'};`,
    );
    await comesBack(at, round(column));
  }
});

test('values that go round between rows that cannot go: refused, with what makes it a chain', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE p (id int PRIMARY KEY, list text DEFAULT 'l', n int NOT NULL, UNIQUE (list, n));
     CREATE TABLE k (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE);
     INSERT INTO p (id, n) VALUES (1, 1), (2, 2), (3, 3); INSERT INTO k SELECT id, id FROM p;`,
  );
  const before = await state(at);
  const round = `UPDATE p SET n = -1 WHERE id = 1; UPDATE p SET n = 1 WHERE id = 2; UPDATE p SET n = 2 WHERE id = 1`;
  const transaction = await at.change(round);
  const now = await state(at);
  for (const onConflict of ['refuse', 'force', 'cascade'] as const) {
    const result = await at.apply({ transaction }, { onConflict });
    assert.deepEqual([result.applied, result.conflicts.byReason], [false, { 'unique-taken': 2 }]);
  }
  const [conflict] = (await at.plan({ transaction })).conflicts.list;
  assert.match(conflict?.message ?? '', /rows exchange values/);
  const sql = /UPDATE .*;/.exec(conflict?.hint ?? '')?.[0] ?? '';
  assert.deepEqual(await state(at), now);
  await at.change(sql);
  const result = await at.apply({ transaction }, { onConflict: 'cascade' });
  assert.deepEqual([result.applied, result.conflicts.list], [true, []]);
  assert.deepEqual(await state(at), before);
});

test('a script does not take children along that came after it was written', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `CREATE TABLE p (id int PRIMARY KEY, n int UNIQUE); CREATE TABLE k (p int REFERENCES p ON DELETE CASCADE);
     INSERT INTO p VALUES (1, 1), (2, 2);`,
  );
  const transaction = await at.change(
    'UPDATE p SET n = 5 WHERE id = 1; UPDATE p SET n = 1 WHERE id = 2',
  );
  const script = await scriptOf(at, transaction);
  await at.change('INSERT INTO k VALUES (1), (2)');
  const now = await state(at);
  await assert.rejects(runScript(at, script), /more than was planned in public\.k: .*1 deleted/);
  assert.deepEqual(await state(at), now);
  await runScript(at, await scriptOf(at, transaction));
  assert.deepEqual(await at.rows('SELECT id, n FROM p ORDER BY id'), ['(1,1)', '(2,2)']);
  assert.equal((await at.rows('SELECT * FROM k')).length, 2);
});
