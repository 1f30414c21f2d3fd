/** A data directory and a database that an earlier Tidings has left go on under this one. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTidings } from '../../src/app/create-tidings.ts';
import { openLooking } from '../../src/app/looking/open-looking.ts';
import { openUndo } from '../../src/app/undo.ts';
import { defineConfig } from '../../src/config/define-config.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import { FORMAT } from '../../src/log/sqlite/format.ts';
import { verifySqliteLog } from '../../src/log/sqlite/verify.ts';
import type { UndoPlan, UndoRequest } from '../../src/undo/undo-plan.ts';
import { until } from '../support/until.ts';
import { leftBehind, OFFSETS } from './fixture.ts';

const { signal } = new AbortController();

const NOT_CAPTURED = 'Capture does not run: what was committed since it ended is not in the log.';

const SINCE = `INSERT INTO plain VALUES (3, 'waits', 3);
UPDATE plain SET v = 'waited' WHERE id = 3;
INSERT INTO ev VALUES (5, 2, 'five');
DELETE FROM ev WHERE id = 5;
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
UPDATE ren SET v = 'before' WHERE id = 1;
ALTER TABLE ren RENAME TO renamed;
UPDATE renamed SET v = 'after' WHERE id = 1;
DROP TABLE remade;
CREATE TABLE remade (id int PRIMARY KEY, v text);
ALTER TABLE swapa RENAME TO swap;
ALTER TABLE swapb RENAME TO swapa;
ALTER TABLE swap RENAME TO swapb;
ALTER TABLE colr RENAME a TO c;
ALTER TABLE colr RENAME b TO a;
ALTER TABLE colr RENAME c TO b;
INSERT INTO plain VALUES (9, 'last', 9)`;

test('a log of format 1 is taken over, with what waits in the slot', async (t) => {
  await using left = await leftBehind(SINCE);
  const { database, dataDir, segment } = left;
  const { client } = database;
  const config = resolveConfig(
    defineConfig({ dataDir, sources: { main: { url: database.url, tables: ['public.*'] } } }),
  );
  {
    await using tidings = await createTidings(config);
    await tidings.start();
    await until(async () => (await tidings.status()).sources[0]?.log.head === OFFSETS.head + 7);
    // Which partitions there are is noted behind what waited.
    await until(() => countMarks(segment) > 0);
  }
  await using looking = await openLooking(config);
  await using undo = openUndo(config);
  const planOf = (offset: number): Promise<UndoPlan> =>
    undo.planUndo({ tables: ['public.*'], since: offset, until: offset + 1 }, {}, signal);

  await t.test('what is in the database and the data directory is of the new kind', async () => {
    const { rows: publications } = await client.query(
      'SELECT DISTINCT pubviaroot FROM pg_publication',
    );
    assert.deepEqual(publications, [{ pubviaroot: false }]);
    const { rows: triggers } = await client.query<{ renewed: boolean }>(
      `SELECT prosrc LIKE '%pg_event_trigger_ddl_commands%' AS renewed
       FROM pg_proc JOIN pg_event_trigger ON pg_proc.oid = evtfoid`,
    );
    assert.deepEqual(triggers, [{ renewed: true }]);
    using log = new DatabaseSync(segment, { readOnly: true });
    assert.equal(log.prepare('PRAGMA user_version').get()?.['user_version'], FORMAT);
    const report = await verifySqliteLog(join(dataDir, 'log', 'main'), 'main', { signal });
    assert.deepEqual(report.findings, []);
    using state = new DatabaseSync(join(dataDir, 'state.sqlite'), { readOnly: true });
    const { rows } = await client.query<{ oid: string }>(
      'SELECT oid::text FROM pg_database WHERE datname = current_database()',
    );
    assert.equal(
      state.prepare('SELECT identity FROM sources').get()?.['identity'],
      left.identity.replace('/', `#${rows[0]?.oid} `),
    );
  });

  await t.test('the history of a row goes on over the two of them', async () => {
    const history = async (table: string, key: string): Promise<readonly unknown[]> => {
      const { versions } = await looking.history({ table, key }, signal);
      const found: unknown[] = [];
      for await (const { operation, table: name, after } of versions) {
        found.push([operation, name, after?.['v']]);
      }
      return found;
    };
    assert.deepEqual(await history('plain', '1'), [
      ['insert', 'plain', 'one'],
      ['update', 'plain', 'ONE'],
    ]);
    assert.deepEqual(await history('plain', '3'), [
      ['insert', 'plain', 'waits'],
      ['update', 'plain', 'waited'],
    ]);
    assert.deepEqual(await history('renamed', '1'), [
      ['insert', 'ren', 'one'],
      ['update', 'ren', 'before'],
      ['update', 'renamed', 'after'],
    ]);
  });

  await t.test('what can be known is undone, on both sides', async () => {
    const apply = async (request: UndoRequest, warned = /^$/): Promise<void> => {
      const plan = await undo.planUndo(request, {}, signal);
      const warnings = plan.warnings.filter((warning) => warning !== NOT_CAPTURED);
      assert.deepEqual(plan.conflicts.list, []);
      assert.match(warnings.join('\n'), warned);
      await undo.applyUndo(plan, {}, signal);
    };
    await apply({ tables: ['public.par', 'public.chi'], since: OFFSETS.parDeleted, until: 33 });
    await apply(
      { tables: ['public.ev'], since: OFFSETS.evWhole, until: OFFSETS.head },
      /^What was done to partitions of public\.ev before .* \(a TRUNCATE of one, /,
    );
    await apply({ tables: ['public.plain'], since: OFFSETS.plainUpdated, until: OFFSETS.head + 2 });
    const { rows } = await client.query('SELECT id, v, n::text FROM plain ORDER BY id');
    assert.deepEqual(rows, [
      { id: 1, v: 'one', n: '1.50' },
      { id: 2, v: 'two', n: '2.50' },
      { id: 9, v: 'last', n: '9.00' },
    ]);
  });

  await t.test('what cannot be known is a conflict, and nothing is written', async () => {
    const reasons = async (offset: number): Promise<object> =>
      (await planOf(offset)).conflicts.byReason;
    // The label 'sad' may be any of today's.
    assert.deepEqual(await reasons(OFFSETS.accDeleted), { 'column-retyped': 1 });
    // Their names say nothing any more.
    assert.deepEqual(await reasons(OFFSETS.remadeDeleted), { 'table-uncertain': 1 });
    assert.deepEqual(await reasons(OFFSETS.swapaDeleted), { 'table-uncertain': 1 });
    assert.notDeepEqual(await reasons(OFFSETS.colrDeleted), {});
    // A key, with null for all else, that was taken for a whole row.
    assert.deepEqual(await reasons(OFFSETS.evKeyOnly), { 'identity-not-full': 1 });
    // Published as its root: 'O' tuples of a partition may be keys only.
    assert.deepEqual(await reasons(OFFSETS.head + 3), { 'identity-not-full': 1 });
  });
});

test('a role without rights in the schema of an administrator’s old event trigger goes on', async () => {
  await using left = await leftBehind(`INSERT INTO plain VALUES (3, 'waits', 3)`);
  const { database, dataDir } = left;
  const { client, name } = database;
  const role = `${name}_capture`;
  await client.query(
    `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'p';
     GRANT CREATE ON DATABASE ${name} TO ${role};
     ALTER PUBLICATION tidings_main OWNER TO ${role};
     ALTER PUBLICATION tidings_main_insert_only OWNER TO ${role}`,
  );
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  const url = new URL(database.url);
  url.username = role;
  url.password = 'p';
  const tidings = stack.use(
    await createTidings(
      defineConfig({ dataDir, sources: { main: { url: url.href, tables: ['public.*'] } } }),
    ),
  );
  await tidings.start();
  await client.query(`INSERT INTO ev VALUES (1, 1, 'live')`);
  await client.query(`TRUNCATE ev_1`);
  await until(async () => (await tidings.status()).sources[0]?.log.head === OFFSETS.head + 3);
});

function countMarks(segment: string): number {
  using log = new DatabaseSync(segment, { readOnly: true });
  return Number(log.prepare('SELECT count(*) AS count FROM mark').get()?.['count']);
}
