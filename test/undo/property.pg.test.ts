/** Random histories: going back a random distance gives the state recorded then; and forth again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type UndoFixture, undoFixture } from './fixture.ts';

const TABLES = ['parents', 'children', 'tree', 'bag', 'ring_a', 'ring_b', 'wide'] as const;

const SCHEMA = `
  CREATE TABLE parents (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text UNIQUE,
    price numeric, twice numeric GENERATED ALWAYS AS (price * 2) STORED, doc json);
  CREATE TABLE children (id serial PRIMARY KEY, note text,
    parent int REFERENCES parents ON DELETE CASCADE, place int,
    UNIQUE (parent, place) DEFERRABLE INITIALLY IMMEDIATE);
  CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE SET NULL ON UPDATE CASCADE, f float8);
  CREATE TABLE bag (a int, b json, c float8);
  CREATE TABLE ring_a (id int PRIMARY KEY, b int);
  CREATE TABLE ring_b (id int PRIMARY KEY, a int REFERENCES ring_a DEFERRABLE INITIALLY DEFERRED);
  ALTER TABLE ring_a ADD FOREIGN KEY (b) REFERENCES ring_b DEFERRABLE INITIALLY DEFERRED;
  CREATE TABLE wide (a int, b text, v text[], PRIMARY KEY (a, b)) PARTITION BY LIST (a);
  CREATE TABLE wide_odd PARTITION OF wide FOR VALUES IN (1, 3, 5);
  CREATE TABLE wide_even PARTITION OF wide FOR VALUES IN (0, 2, 4);
  ${[...TABLES, 'wide_odd', 'wide_even'].map((name) => `ALTER TABLE ${name} REPLICA IDENTITY FULL;`).join('\n')}`;

const id = fc.integer({ min: 0, max: 5 });
const text = fc.constantFrom('', 'a', 'b', 'tab\t', 'nl\n', '\\N', 'ü🐘', "it''s");
const float = fc.constantFrom(`'NaN'`, `'-0'`, `'0'`, '0.1', `'Infinity'`);
const json = fc.constantFrom(`'{"a": 1}'`, `'{"a":1}'`, `'[]'`, 'null');

const STATEMENT = fc.oneof(
  fc
    .tuple(id, text, json)
    .map(
      ([a, t, j]) => `INSERT INTO parents (code, price, doc) VALUES ('${t}${a}', ${a}.50, ${j})`,
    ),
  fc.tuple(id, id).map(([a, b]) => `UPDATE parents SET price = ${b}.0 WHERE id % 6 = ${a}`),
  fc.tuple(id, text).map(([a, t]) => `UPDATE parents SET code = '${t}' WHERE id % 6 = ${a}`),
  id.map((a) => `DELETE FROM parents WHERE id % 6 = ${a}`),
  fc
    .tuple(id, id, text)
    .map(
      ([a, b, t]) =>
        `INSERT INTO children (parent, place, note) SELECT id, ${b}, '${t}' FROM parents WHERE id % 6 = ${a}`,
    ),
  fc.tuple(id).map(([a]) => `UPDATE children SET place = place + ${a} WHERE parent % 2 = 0`),
  fc.tuple(id, id).map(([a, b]) => `UPDATE children SET id = id + 1000 * ${b} WHERE id % 6 = ${a}`),
  id.map((a) => `DELETE FROM children WHERE id % 6 = ${a}`),
  fc
    .tuple(id, id, float)
    .map(([a, b, f]) => `INSERT INTO tree VALUES (${a}, NULLIF(${b}, 0), ${f})`),
  fc.tuple(id, id).map(([a, b]) => `UPDATE tree SET id = ${a} WHERE id = ${b}`),
  fc.tuple(id, id).map(([a, b]) => `UPDATE tree SET up = ${a} WHERE id = ${b}`),
  id.map((a) => `DELETE FROM tree WHERE id = ${a}`),
  fc
    .tuple(id, json, float)
    .map(([a, j, f]) => `INSERT INTO bag VALUES (${a}, ${j}, ${f}), (${a}, ${j}, ${f})`),
  fc.tuple(id, float).map(([a, f]) => `UPDATE bag SET c = ${f} WHERE a = ${a}`),
  fc
    .tuple(id, id)
    .map(
      ([a, n]) => `DELETE FROM bag WHERE ctid IN (SELECT ctid FROM bag WHERE a = ${a} LIMIT ${n})`,
    ),
  fc
    .tuple(id, id)
    .map(
      ([a, b]) =>
        `WITH r AS (INSERT INTO ring_a VALUES (${a}, ${b})) INSERT INTO ring_b VALUES (${b}, ${a})`,
    ),
  id.map(
    (a) =>
      `WITH r AS (DELETE FROM ring_a WHERE id = ${a} RETURNING b) DELETE FROM ring_b WHERE id IN (SELECT b FROM r)`,
  ),
  fc.tuple(id, text).map(([a, t]) => `INSERT INTO wide VALUES (${a}, '${t}', ARRAY['${t}', NULL])`),
  fc.tuple(id, id).map(([a, b]) => `UPDATE wide SET a = ${b} WHERE a = ${a}`),
  fc.tuple(id, text).map(([a, t]) => `UPDATE wide SET v = v || '${t}'::text WHERE a = ${a}`),
  id.map((a) => `DELETE FROM wide WHERE a = ${a}`),
);
const TRANSACTION = fc.array(STATEMENT, { minLength: 1, maxLength: 6 });

async function state(at: UndoFixture): Promise<readonly string[]> {
  return await at.rows(
    TABLES.map((name) => `SELECT '${name}' AS t, r::text AS r FROM ${name} r`).join(' UNION ALL ') +
      ' ORDER BY 1, 2',
  );
}

/** Statements that a constraint refuses are left out. @returns the id when it committed anything. */
async function run(at: UndoFixture, statements: readonly string[]): Promise<string | null> {
  const { client } = at.database;
  await client.query('BEGIN');
  for (const statement of statements) {
    await client.query('SAVEPOINT s');
    await client
      .query(`${statement}; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED`)
      .catch(() => client.query('ROLLBACK TO s'));
  }
  const { rows } = await client.query<{ id: string | null }>(
    'SELECT (pg_current_xact_id_if_assigned()::text::numeric % 4294967296)::text AS id',
  );
  await client.query('COMMIT');
  return rows[0]?.id ?? null;
}

test('undo of a random range, and undo of the undo', { timeout: 120_000 }, async () => {
  await using at = await undoFixture(SCHEMA);
  const tables = ['public.*'];
  // A row in every table that nobody else touches, so that each run's mark is in the log.
  await at.database.client.query('CREATE TABLE marks (n int PRIMARY KEY)');
  await at.change('INSERT INTO bag VALUES (9, NULL, NULL)');
  let mark = 0;
  const caughtUp = async (): Promise<number> => {
    await at.change(`INSERT INTO marks VALUES (${++mark})`);
    return at.log.head;
  };
  const deadline = Date.now() + 15_000;
  await fc.assert(
    fc.asyncProperty(
      fc.array(TRANSACTION, { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 4 }),
      async (history, back) => {
        const states: { readonly offset: number; readonly rows: readonly string[] }[] = [];
        for (const statements of history) {
          states.push({ offset: await caughtUp(), rows: await state(at) });
          await run(at, statements);
        }
        const end = await state(at);
        await caughtUp();
        const chosen = states[Math.max(0, states.length - 1 - back)];
        assert.ok(chosen !== undefined);
        const request = { tables: [...tables, '!public.marks'], since: chosen.offset };
        const result = await at.apply(request);
        assert.deepEqual(result.conflicts.list, []);
        assert.equal(result.applied, true);
        assert.deepEqual(await state(at), chosen.rows);
        if (result.transaction === null) return;
        const redo = await at.apply({ transaction: result.transaction });
        assert.deepEqual(redo.conflicts.list, []);
        assert.deepEqual(await state(at), end);
      },
    ),
    {
      numRuns: 60,
      interruptAfterTimeLimit: deadline - Date.now(),
      markInterruptAsFailure: false,
      endOnFailure: true,
    },
  );
});
