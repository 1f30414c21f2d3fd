/** What is known of a partition that was detached: its bounds, and that all its changes are captured. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLooking } from '../../src/app/looking/open-looking.ts';
import { rowsThen } from '../looking/fixture.ts';
import { create } from './comes-back.ts';
import { type UndoFixture, undoFixture } from './fixture.ts';

const TABLES = `
  CREATE TABLE o (id int);
  CREATE TABLE ord (id int, day int, v text, PRIMARY KEY (id, day)) PARTITION BY LIST (day);
  CREATE TABLE ord_1 PARTITION OF ord FOR VALUES IN (1);
  CREATE TABLE ord_2 PARTITION OF ord FOR VALUES IN (2);
  CREATE TABLE ord_n PARTITION OF ord FOR VALUES IN (3, 4) PARTITION BY RANGE (id);
  CREATE TABLE ord_n1 PARTITION OF ord_n FOR VALUES FROM (MINVALUE) TO (10)`;

const ROWS = `INSERT INTO ord VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 2, 'c'), (4, 3, 'd')`;

/** The table as it was, as texts. */
async function then(at: UndoFixture, table: string, offset: number): Promise<readonly string[]> {
  const source = { url: at.database.url, tables: ['*.*'] };
  const dataDir = join(at.directory, 'data');
  await using looking = await openLooking({ dataDir, sources: { main: source } });
  return await rowsThen(looking, { table, asOf: { offset } });
}

/** Of what a plan says about a partition, the statement. */
const attachSql = (hint: string): string =>
  /ALTER TABLE .* ATTACH PARTITION .*;(?= Or leave)/.exec(hint)?.[0] ?? hint;

test('rows of a detached partition are known, since its changes are captured on', async () => {
  await using at = await undoFixture('');
  await create(at, TABLES);
  await at.change(ROWS);
  const to = at.log.head;
  const was = await then(at, 'ord', to);
  await at.change(`UPDATE ord SET v = v || '!'; INSERT INTO o VALUES (1)`);
  const middle = at.log.head;
  await at.change('ALTER TABLE ord DETACH PARTITION ord_1; INSERT INTO o VALUES (2)');
  await at.change('ALTER TABLE ord DETACH PARTITION ord_n; INSERT INTO o VALUES (3)');
  await at.change(`UPDATE ord_1 SET v = 'x' WHERE id = 2; DELETE FROM ord_n`);
  assert.deepEqual(await then(at, 'ord', to), was);
  assert.deepEqual(
    await then(at, 'ord', middle),
    was.map((row) => row.replace(/"\]$/, '!"]')),
  );
  const all = { tables: ['public.*'], to };
  const { conflicts, tables } = await at.plan(all);
  assert.equal(conflicts.byReason['table-added'], undefined, 'a partition was none before');
  assert.equal(conflicts.byReason['partition-changed'], 2);
  const written = new Map(tables.map(({ table, update, insert }) => [table, [update, insert]]));
  assert.deepEqual(
    written,
    new Map([
      ['public.o', [0, 0]],
      ['public.ord', [1, 0]],
      ['public.ord_1', [1, 0]],
      ['public.ord_n', [0, 1]],
    ]),
  );
  for (const { reason, hint } of conflicts.list) {
    if (reason === 'partition-changed') await at.database.client.query(attachSql(hint));
  }
  await at.change('INSERT INTO o VALUES (4)');
  assert.deepEqual(await then(at, 'ord', to), was, 'they are where they were again');
  const again = await at.plan(all);
  assert.deepEqual(again.conflicts.list, []);
  assert.equal((await at.apply(all)).applied, true);
  assert.deepEqual(await at.rows('SELECT id, v FROM ord ORDER BY id'), [
    '(1,a)',
    '(2,b)',
    '(3,c)',
    '(4,d)',
  ]);
});

test('a partition that was away and captured stands in no way, although nothing changed in it', async () => {
  await using at = await undoFixture('');
  await create(at, TABLES);
  await at.change(ROWS);
  const to = at.log.head;
  await at.change(`UPDATE ord SET v = v || '!' WHERE day = 2`);
  const away = async (name: string, bounds: string, meanwhile = 'SELECT'): Promise<void> => {
    await at.change(`ALTER TABLE ord DETACH PARTITION ${name}; INSERT INTO o VALUES (1)`);
    await at.database.client.query(meanwhile);
    await at.change(`ALTER TABLE ord ATTACH PARTITION ${name} ${bounds}; INSERT INTO o VALUES (2)`);
  };
  await away('ord_1', 'FOR VALUES IN (1)');
  await away('ord_n', 'FOR VALUES IN (3, 4)');
  const request = { tables: ['public.ord'], to };
  const known = await at.plan(request);
  assert.deepEqual([known.conflicts.list, known.total], [[], 1]);
  assert.equal((await then(at, 'ord', to)).length, 4);
  const altered =
    'ALTER PUBLICATION tidings_main DROP TABLE ord_1; ALTER PUBLICATION tidings_main ADD TABLE ord_1';
  // Back in the publication or not: what happened in between is not in the log, also where no event
  // trigger fires that could say so.
  const silently = `SET event_triggers = off; ${altered}; RESET event_triggers`;
  await away('ord_1', 'FOR VALUES IN (1)', silently);
  const { conflicts } = await at.plan(request);
  assert.deepEqual(conflicts.byReason, { 'partition-changed': 1 });
  await away('ord_1', 'FOR VALUES IN (1)', altered);
  await assert.rejects(at.plan(request), { code: 'AS_OF_GAP' });
});

test('one that was detached concurrently may have changed unseen before that ended', async () => {
  await using at = await undoFixture('');
  await create(at, TABLES);
  await at.change(ROWS);
  const to = at.log.head;
  await at.change(`UPDATE ord SET v = v || '!' WHERE day = 2`);
  await at.database.client.query('ALTER TABLE ord DETACH PARTITION ord_1 CONCURRENTLY');
  await at.change('INSERT INTO o VALUES (1)');
  const { kind, transaction, capture, link } = at.log.marks().at(-1) ?? {};
  assert.deepEqual([kind, transaction, capture], ['detached', null, undefined]);
  assert.equal(link?.bounds, 'FOR VALUES IN (1)');
  await assert.rejects(then(at, 'ord', to), /was detached, found at/);
  const request = { tables: ['public.ord'], to };
  const { conflicts } = await at.plan(request);
  assert.deepEqual(conflicts.byReason, { 'partition-changed': 1 });
  await at.database.client.query(attachSql(conflicts.list[0]?.hint ?? ''));
  await at.change('INSERT INTO o VALUES (2)');
  assert.deepEqual((await at.plan(request)).conflicts.byReason, { 'partition-changed': 1 });
});

/** Partitioned tables, each with the partition that is detached. */
const BOUNDS: Readonly<Record<string, readonly [by: string, bounds: string]>> = {
  list: ['LIST (t)', `FOR VALUES IN ('it''s; one', NULL)`],
  range: ['RANGE (n, t)', `FOR VALUES FROM (MINVALUE, MINVALUE) TO (3, 'x')`],
  hash: ['HASH (n)', 'FOR VALUES WITH (modulus 4, remainder 3)'],
  rest: ['LIST (n)', 'DEFAULT'],
  days: ['RANGE (d)', `FOR VALUES FROM ('2026-02-03') TO ('2026-02-04')`],
  times: ['RANGE (at)', `FOR VALUES FROM ('2026-02-03 00:00:00+00') TO (MAXVALUE)`],
};

test('the statement that attaches a partition again works as it is printed, whatever its bounds', async () => {
  await using at = await undoFixture('');
  const { client } = at.database;
  // Such a session prints values in its own way.
  const odd = await at.database.connect();
  await odd.query(`SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Tokyo'; CREATE SCHEMA "S; 1"`);
  for (const [name, [by, bounds]] of Object.entries(BOUNDS)) {
    await odd.query(`CREATE TABLE "${name}" (n int, t text, d date, at timestamptz) PARTITION BY ${by};
      CREATE TABLE "S; 1"."${name} 1" PARTITION OF "${name}" ${bounds}`);
  }
  await at.change('CREATE TABLE o (id int); INSERT INTO o VALUES (1)');
  const to = at.log.head;
  await at.change('INSERT INTO o VALUES (2)');
  await odd.query('ALTER SCHEMA "S; 1" RENAME TO "S; 2"; ALTER TABLE hash RENAME TO "Hash"');
  const read = (): Promise<readonly string[]> =>
    at.rows(`SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), i.inhparent FROM pg_class c
      JOIN pg_inherits i ON i.inhrelid = c.oid WHERE c.relkind = 'r' ORDER BY 1`);
  const was = await read();
  for (const name of Object.keys(BOUNDS)) {
    const table = name === 'hash' ? 'Hash' : name;
    await odd.query(`ALTER TABLE "${table}" DETACH PARTITION "S; 2"."${name} 1"`);
  }
  await at.change('INSERT INTO o VALUES (3)');
  const { conflicts } = await at.plan({ tables: ['*.*'], to });
  const hints = conflicts.list.map(({ hint }) => attachSql(hint));
  assert.equal(hints.length, Object.keys(BOUNDS).length, hints.join('\n'));
  for (const hint of hints) await client.query(hint);
  assert.deepEqual(await read(), was);
});
