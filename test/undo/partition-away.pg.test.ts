/** Undo over a partition that was a table of its own for a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from './comes-back.ts';
import { undoFixture } from './fixture.ts';

const ORD = `
  CREATE TABLE ord (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
  CREATE TABLE ord_1 (day int NOT NULL, gone int, v text, id int NOT NULL);
  ALTER TABLE ord_1 DROP COLUMN gone;
  ALTER TABLE ord ATTACH PARTITION ord_1 FOR VALUES IN (1);
  CREATE TABLE ord_2 PARTITION OF ord FOR VALUES IN (2);`;

test('what was changed in it meanwhile is undone with its table', async () => {
  await using at = await undoFixture('');
  await create(at, ORD);
  await at.change(`INSERT INTO ord VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c')`);
  const to = at.log.head;
  await at.change(`UPDATE ord SET v = v || '!' WHERE day = 1`);
  await at.change(`ALTER TABLE ord DETACH PARTITION ord_1;
    UPDATE ord_1 SET v = v || '?' WHERE id = 1; INSERT INTO ord_1 (id, day, v) VALUES (4, 1, 'd')`);
  await at.change('DELETE FROM ord_1 WHERE id = 2');
  await at.database.client.query('ALTER TABLE ord ATTACH PARTITION ord_1 FOR VALUES IN (1)');
  await at.change(`INSERT INTO ord VALUES (2, 1, 'again')`);
  const request = { tables: ['public.ord'], to };
  const first = await at.plan({ ...request, keys: ['id=1,day=1'] });
  assert.deepEqual([first.conflicts.list, first.total], [[], 1]);
  const plan = await at.plan(request);
  assert.deepEqual([plan.conflicts.list, plan.total], [[], 3]);
  assert.match(plan.warnings.join('\n'), /ord_1 of public\.ord was detached for a time/);
  assert.equal((await at.apply(request)).applied, true);
  assert.deepEqual(await at.rows('SELECT id, day, v FROM ord ORDER BY id'), [
    '(1,1,a)',
    '(2,1,b)',
    '(3,2,c)',
  ]);
});

test('what a truncate removed from it meanwhile, or what is not in the log, is a conflict', async () => {
  await using at = await undoFixture('', { exclude: ['!public.ord_1'] });
  await create(at, `${ORD} CREATE TABLE o (id int)`);
  await at.change(`INSERT INTO ord VALUES (1, 1, 'a'), (2, 2, 'b')`);
  const to = at.log.head;
  const away = async (name: string, sql: string): Promise<void> => {
    const day = name.slice(-1);
    await at.change(`ALTER TABLE ord DETACH PARTITION ${name}; ${sql}; INSERT INTO o VALUES (1)`);
    await at.change(`ALTER TABLE ord ATTACH PARTITION ${name} FOR VALUES IN (${day});
      INSERT INTO o VALUES (2)`);
  };
  await away('ord_1', `UPDATE ord_1 SET v = 'x'`);
  const unknown = await at.plan({ tables: ['public.ord'], to });
  assert.deepEqual(unknown.conflicts.byReason, { 'partition-changed': 1 });
  assert.match(unknown.conflicts.list[0]?.message ?? '', /the log does not have what was changed/);
  await away('ord_2', 'TRUNCATE ord_2');
  const truncated = await at.plan({ tables: ['public.ord'], to });
  assert.deepEqual(truncated.conflicts.byReason, { 'partition-changed': 1, truncated: 1 });
});

test('rows of a dropped partition that the log knows whole come back where there is room', async () => {
  await using at = await undoFixture('');
  await create(at, ORD);
  await at.change(`CREATE TABLE ord_5 PARTITION OF ord FOR VALUES IN (5);
    ALTER TABLE ord_5 REPLICA IDENTITY FULL; INSERT INTO ord VALUES (5, 5, 'e'), (6, 5, 'f')`);
  await at.change(`INSERT INTO ord VALUES (1, 1, 'a')`);
  const to = at.log.head;
  await at.change(`UPDATE ord SET v = 'e!' WHERE id = 5; INSERT INTO ord VALUES (7, 5, 'new')`);
  await at.change(`DROP TABLE ord_5; UPDATE ord SET v = 'a!' WHERE id = 1`);
  const request = { tables: ['public.ord'], to };
  const { conflicts, total } = await at.plan(request);
  assert.deepEqual([conflicts.byReason, total], [{ 'partition-missing': 2 }, 1]);
  const [conflict] = conflicts.list;
  assert.match(
    conflict?.hint ?? '',
    /^CREATE TABLE "public"\."ord_default" PARTITION OF .* DEFAULT;/,
  );
  const filtered = await at.plan({ ...request, keys: ['id=1,day=1'] });
  assert.deepEqual(filtered.conflicts.byReason, { 'partition-changed': 1 });
  await at.database.client.query(conflict?.hint ?? '');
  assert.equal((await at.apply(request)).total, 3);
  const rows = await at.rows('SELECT id, day, v FROM ord ORDER BY id');
  assert.deepEqual(rows, ['(1,1,a)', '(5,5,e)', '(6,5,f)']);
});

test('rows of a dropped partition that the log does not know whole do not come back alone', async () => {
  await using at = await undoFixture('');
  await create(
    at,
    `${ORD} CREATE TABLE o (id int); INSERT INTO ord VALUES (1, 1, 'attached, with what it had')`,
  );
  await at.change(`INSERT INTO ord VALUES (2, 1, 'a')`);
  const to = at.log.head;
  await at.change('DROP TABLE ord_1; INSERT INTO o VALUES (1)');
  const { conflicts, total } = await at.plan({ tables: ['public.ord'], to });
  assert.deepEqual([conflicts.byReason, total], [{ 'partition-changed': 1 }, 0]);
});

test('a truncate of a partition that the log does not know whole', async () => {
  await using at = await undoFixture('');
  await create(at, `${ORD} INSERT INTO ord VALUES (1, 1, 'attached, with what it had')`);
  await at.change(`INSERT INTO ord VALUES (2, 1, 'a'), (3, 2, 'b')`);
  const to = at.log.head;
  await at.change('TRUNCATE ord_1');
  for (const onConflict of ['skip', 'force'] as const) {
    const { list } = (await at.plan({ tables: ['public.ord'], to })).conflicts;
    assert.equal(list.length, 1);
    assert.match(list[0]?.message ?? '', /^Partition public\.ord_1 of public\.ord was truncated/);
    assert.match(
      list[0]?.hint ?? '',
      new RegExp(`${onConflict}.* put those back that the log has`),
    );
    const result = await at.apply({ tables: ['public.ord'], to }, { onConflict });
    assert.deepEqual([result.applied, result.total], [true, 2]);
    assert.match(result.warnings.join('\n'), /truncate of partition public\.ord_1 .*not put back/);
    assert.deepEqual(await at.rows('SELECT id FROM ord ORDER BY 1'), ['(1)', '(2)', '(3)']);
    await at.change('TRUNCATE ord_1');
  }
});
