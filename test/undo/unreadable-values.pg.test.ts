/** Values whose bytes stand for no character of the database: an undo that needs one says so. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLooking } from '../../src/app/looking/open-looking.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import type { UndoPlan } from '../../src/undo/undo-plan.ts';
import { rowsThen, refusal } from '../looking/fixture.ts';
import { undoFixture } from './fixture.ts';

const conflicts = (plan: UndoPlan): readonly string[] =>
  plan.conflicts.list.map(({ reason, table, key }) =>
    `${reason} ${table} ${key === null ? '' : JSON.stringify(key)}`.trim(),
  );

test('rows with such values are refused one by one, and all others come back', async () => {
  await using at = await undoFixture(
    `CREATE TABLE f (id int PRIMARY KEY, v text, w text); ALTER TABLE f REPLICA IDENTITY FULL;
     CREATE TABLE k (v text, w int); ALTER TABLE k REPLICA IDENTITY FULL;
     CREATE TABLE g (id int PRIMARY KEY, v text); ALTER TABLE g REPLICA IDENTITY FULL;
     INSERT INTO f VALUES (1, 'ä', 'w'), (2, chr(129), 'w'), (3, 'good', 'w'), (4, 'good', 'w')`,
    { encoding: 'WIN1252' },
  );
  const inserted = await at.change(`INSERT INTO f VALUES (5, chr(129), 'new'), (6, 'ö', 'new')`);
  assert.deepEqual(conflicts(await at.plan({ transaction: inserted })), [
    'identity-not-full public.f {"id":5}',
  ]);

  const updated =
    await at.change(`UPDATE f SET v = chr(141) WHERE id = 1; UPDATE f SET v = 'x' WHERE id = 2;
    UPDATE f SET w = 'x' WHERE id = 3; DELETE FROM f WHERE id = 4`);
  const plan = await at.plan({ transaction: updated });
  assert.deepEqual(conflicts(plan).toSorted(), [
    'identity-not-full public.f {"id":1}',
    'identity-not-full public.f {"id":2}',
  ]);
  assert.deepEqual(plan.notReady, [], 'the table says whole old rows');
  assert.equal((await at.apply({ transaction: updated })).applied, false);
  assert.match(plan.conflicts.list[0]?.message ?? '', /bytes that stand for no character/);
  await at.apply({ transaction: updated }, { onConflict: 'skip' });
  const rows = (
    await at.database.client.query<{ row: string }>(
      `SELECT format('%s %s %s', id, replace(replace(v, chr(141), '8d'), chr(129), '81'), w) AS row FROM f ORDER BY id`,
    )
  ).rows.map(({ row }) => row);
  assert.deepEqual(rows, ['1 8d w', '2 x w', '3 good w', '4 good w', '5 81 new', '6 ö new']);

  const forced = await at.apply({ transaction: inserted }, { onConflict: 'force' });
  assert.equal(forced.applied, false, 'what is not known cannot be forced');

  await at.change(`INSERT INTO k VALUES ('a', 1), (chr(129), 2)`);
  const keyless = await at.change(`DELETE FROM k`);
  assert.deepEqual(conflicts(await at.plan({ transaction: keyless })), [
    'identity-not-full public.k',
  ]);

  await at.change(`INSERT INTO g VALUES (1, 'a'), (2, chr(129))`);
  const truncated = await at.change(`TRUNCATE g`);
  assert.deepEqual(conflicts(await at.plan({ transaction: truncated })), ['truncated public.g']);
});

test('rows that got such a value later are in conflict, and the plan can be shown', async () => {
  await using at = await undoFixture(
    `CREATE TABLE f (id int PRIMARY KEY, v text, w text); ALTER TABLE f REPLICA IDENTITY FULL;
     CREATE TABLE u (id int PRIMARY KEY, v text UNIQUE); ALTER TABLE u REPLICA IDENTITY FULL;
     INSERT INTO f VALUES (1, 'ä', 'w'), (2, 'good', 'w'), (3, 'good', 'w')`,
    { encoding: 'WIN1252' },
  );
  const changed = await at.change(`UPDATE f SET w = 'x' WHERE id < 3; DELETE FROM f WHERE id = 3`);
  await at.change(
    `UPDATE f SET v = chr(129) WHERE id = 1; INSERT INTO f VALUES (3, chr(129), 'w')`,
  );
  const plan = await at.plan({ transaction: changed });
  assert.deepEqual(conflicts(plan).toSorted(), [
    'changed-later public.f {"id":1}',
    're-created public.f {"id":3}',
  ]);
  await at.apply({ transaction: changed }, { onConflict: 'skip' });
  assert.deepEqual(await at.rows(`SELECT id, v = chr(129), w FROM f ORDER BY id`), [
    '(1,t,x)',
    '(2,f,w)',
    '(3,t,w)',
  ]);
});

test('a table as of a moment has each row whole, or is refused', async () => {
  await using at = await undoFixture(
    `CREATE TABLE f (id int PRIMARY KEY, v text, w text); ALTER TABLE f REPLICA IDENTITY FULL;
     CREATE TABLE k (v text, w int); ALTER TABLE k REPLICA IDENTITY FULL;
     CREATE TABLE t (id text PRIMARY KEY, v text); ALTER TABLE t REPLICA IDENTITY FULL;`,
    { encoding: 'WIN1252' },
  );
  const dataDir = join(at.directory, 'data');
  const source = { url: at.database.url, tables: ['*.*', '!tidings.*'] };
  const config = resolveConfig(defineConfig({ dataDir, sources: { main: source } }));
  await using looking = await openLooking(config);
  const then = (table: string, offset: number, keys?: readonly string[]): Promise<string[]> =>
    rowsThen(looking, { table, asOf: { offset }, ...(keys && { keys }) });

  await at.change(`INSERT INTO f VALUES (1, 'ä', 'w'), (2, 'good', 'w')`); // 0, 1
  await at.change(`UPDATE f SET v = chr(129) WHERE id = 1`); // 2
  await at.change(`UPDATE f SET v = 'ö' WHERE id = 1; DELETE FROM f WHERE id = 2`); // 3, 4
  const refused = await refusal(then('f', 2), 'AS_OF_UNREADABLE');
  assert.match(refused, /offset 2\).*--as-of 3/);
  assert.deepEqual(await then('f', 5), ['["1","ö","w"]']);

  await at.change(`INSERT INTO k VALUES (chr(129), 1), ('a', 2)`); // 5, 6
  await at.change(`DELETE FROM k`); // 7, 8
  await refusal(then('k', 5), 'AS_OF_UNREADABLE');

  await at.change(`INSERT INTO t VALUES (chr(129), 'x'), ('a', 'y')`); // 9, 10
  await at.change(`UPDATE t SET id = 'b' WHERE id = chr(129); DELETE FROM t WHERE id = 'a'`); // 11, 12
  await refusal(then('t', 11), 'AS_OF_UNREADABLE');
  assert.deepEqual(await then('t', 13), ['["b","x"]']);

  // A row that has such a value now.
  await at.change(`INSERT INTO t VALUES ('now', chr(129))`); // 13
  const present = await refusal(then('t', 14), 'SNAPSHOT_UNREADABLE');
  assert.deepEqual(await then('t', 14, ['b']), ['["b","x"]']);
  // The statement names the row when it is pasted.
  const notices: string[] = [];
  at.database.client.on('notice', ({ message }) => notices.push(message ?? ''));
  await at.database.client.query(/DO \$\$.*\$\$;/.exec(present)?.[0] ?? '');
  const { rows } = await at.database.client.query<{ ctid: string }>(
    `SELECT ctid::text FROM t WHERE id = 'now'`,
  );
  assert.deepEqual(notices, [`t, ctid ${rows[0]?.ctid ?? ''}`]);
});
