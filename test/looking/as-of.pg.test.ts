import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TableQuery } from '../../src/app/looking/looking.ts';
import { parseMoment } from '../../src/undo/looking/moment.ts';
import { until } from '../support/until.ts';
import { capture, type Captured, lookAs, refusal, rowsNow, rowsThen, signal } from './fixture.ts';

/** Keyed, with a key of two columns, without a key, partitioned; with values that are easily lost. */
const SCHEMA = `
  CREATE TYPE mood AS ENUM ('fine', 'so so');
  CREATE TABLE keyed (id bigint PRIMARY KEY, t text, n numeric, f double precision, b bytea,
    at timestamptz, m mood, j json, a text[], c char(5), doubled numeric GENERATED ALWAYS AS (n * 2) STORED);
  CREATE TABLE pair (x text, y int, note text, PRIMARY KEY (y, x));
  CREATE TABLE bag (n int, t text);
  CREATE TABLE parted (id int PRIMARY KEY, t text) PARTITION BY RANGE (id);
  CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (50);
  CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (50) TO (MAXVALUE);
  ALTER TABLE keyed REPLICA IDENTITY FULL; ALTER TABLE pair REPLICA IDENTITY FULL;
  ALTER TABLE bag REPLICA IDENTITY FULL; ALTER TABLE parted REPLICA IDENTITY FULL;
  ALTER TABLE parted_low REPLICA IDENTITY FULL; ALTER TABLE parted_high REPLICA IDENTITY FULL;
  INSERT INTO keyed (id, t, n) SELECT g, 'first ' || g, g FROM generate_series(1, 20) g;
  INSERT INTO pair SELECT 'x' || g, g, 'n' FROM generate_series(1, 10) g;
  INSERT INTO bag SELECT g % 4, 'same' FROM generate_series(1, 12) g;
  INSERT INTO parted SELECT g, 'p' FROM generate_series(40, 60) g;`;

const TABLES = ['keyed', 'pair', 'bag', 'parted'] as const;

/** Texts that quoting, encoding or compression could change. */
const texts = fc.constantFrom(
  "''",
  "'a'",
  "E'line\\nbreak\\ttab'",
  "'grün 🌱'",
  'NULL',
  `repeat('large ', 5000)`,
  "'\\N'",
  '\'"q",\'',
);
const numbers = fc.constantFrom(
  '1.50',
  '1.5000',
  "'NaN'",
  '0',
  '-12345678901234567890.123',
  'NULL',
);
const ids = fc.integer({ min: 1, max: 25 });
const statement = fc.oneof(
  fc.tuple(ids, texts, numbers).map(
    ([id, t, n]) =>
      `INSERT INTO keyed (id, t, n, f, b, at, m, j, a, c) VALUES (${id}, ${t}, ${n}, 0.1::float8 + ${id},
        '\\xDEAD00', '2026-01-01 00:00:00.000001+02', 'so so', '{"a": 1.0,  "b": [1e400]}', ARRAY[${t}], 'ab')
       ON CONFLICT DO NOTHING`,
  ),
  fc.tuple(ids, texts).map(([id, t]) => `UPDATE keyed SET t = ${t} WHERE id = ${id}`),
  fc
    .tuple(ids, numbers)
    .map(([id, n]) => `UPDATE keyed SET n = ${n}, m = 'fine' WHERE id <= ${id}`),
  fc
    .tuple(ids, ids)
    .map(
      ([one, other]) =>
        `UPDATE keyed SET id = ${other} WHERE id = ${one} AND NOT EXISTS (SELECT FROM keyed WHERE id = ${other})`,
    ),
  ids.map((id) => `DELETE FROM keyed WHERE id = ${id}`),
  fc
    .tuple(ids, texts)
    .map(([id, t]) => `INSERT INTO pair VALUES ('x${id}', ${id}, ${t}) ON CONFLICT DO NOTHING`),
  ids.map((id) => `UPDATE pair SET x = x || '+' WHERE y = ${id}`),
  ids.map((id) => `DELETE FROM pair WHERE y = ${id}`),
  fc
    .tuple(ids, texts)
    .map(([id, t]) => `INSERT INTO bag SELECT ${id} % 4, ${t} FROM generate_series(1, 2)`),
  ids.map(
    (id) => `DELETE FROM bag WHERE ctid = (SELECT ctid FROM bag WHERE n = ${id} % 4 LIMIT 1)`,
  ),
  ids.map((id) => `UPDATE bag SET n = n + 1 WHERE n < ${id} % 4`),
  ids.map(
    (id) => `UPDATE parted SET id = id + 12, t = t || '${id}' WHERE id = ${id} + 35
    AND NOT EXISTS (SELECT FROM parted WHERE id = ${id} + 47)`,
  ),
  ids.map((id) => `DELETE FROM parted WHERE id = ${id} + 40`),
);
const transaction = fc.array(statement, { minLength: 1, maxLength: 5 });

const IN_PUBLICATION = `SELECT FROM pg_publication_tables WHERE tablename = 'newer'`;

/** What the database itself said it held at a moment. */
interface Recorded {
  readonly offset: number;
  readonly time: string;
  readonly rows: Readonly<Record<string, readonly string[]>>;
}

async function record(captured: Captured): Promise<Recorded> {
  const { client } = captured;
  const rows: Record<string, readonly string[]> = {};
  for (const table of TABLES) rows[table] = await rowsNow(client, table);
  const now = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS t`;
  const { rows: times } = await client.query<{ t: string }>(now);
  return { offset: await captured.head(), time: times[0]?.t ?? '', rows };
}

test(
  'property: every table is as the database said at that time',
  { timeout: 120_000 },
  async () => {
    await using captured = await capture(SCHEMA);
    const { client, looking } = captured;
    const run = async (transactions: readonly (readonly string[])[]): Promise<void> => {
      const moments = [await record(captured)];
      for (const statements of transactions) {
        await client.query(['BEGIN', ...statements, 'COMMIT'].join(';\n'));
        moments.push(await record(captured));
      }
      for (const { offset, time, rows } of moments) {
        for (const table of TABLES) {
          const then = (asOf: TableQuery['asOf']) =>
            rowsThen(looking, { table: `public.${table}`, asOf });
          assert.deepEqual(await then({ offset }), rows[table], `${table} before offset ${offset}`);
          assert.deepEqual(await then(parseMoment(time)), rows[table], `${table} at ${time}`);
        }
      }
    };
    const transactions = fc.array(transaction, { minLength: 1, maxLength: 4 });
    await fc.assert(fc.asyncProperty(transactions, run), { numRuns: 8, endOnFailure: true });
  },
);

test('as of: rows, columns, conditions and JSON; moments inside a transaction; a table that never changed', async () => {
  await using captured = await capture(
    `${SCHEMA} CREATE TABLE still (id int PRIMARY KEY, t text); INSERT INTO still VALUES (1, 'same');
     ALTER TABLE still REPLICA IDENTITY FULL`,
  );
  const { commit, looking, client } = captured;
  const before = await rowsNow(client, 'keyed', 'id, t');
  const offset = await captured.head();
  await commit(
    `UPDATE keyed SET id = 100 WHERE id = 7; UPDATE keyed SET t = 'x' WHERE id > 3; DELETE FROM keyed WHERE id = 5`,
  );
  await commit(`INSERT INTO keyed (id, t) VALUES (7, 'new')`);
  await captured.settled();
  const asOf = { offset: offset + 4 };
  const query = { table: 'keyed', asOf };
  assert.deepEqual(await rowsThen(looking, { ...query, columns: ['id', 't'] }), before);
  const keys = ['7', 'id=5', '100', '4711'];
  const rows = await rowsThen(looking, { ...query, keys, columns: ['t', 'id'] });
  assert.deepEqual(rows, ['["first 5","5"]', '["first 7","7"]']);
  const where = 'after.id > 18 && after.t.startsWith("first")';
  const some = await rowsThen(looking, { ...query, where, columns: ['id'] });
  assert.deepEqual(some, ['["19"]', '["20"]']);
  await using view = await looking.table(
    { ...query, keys: ['7'], columns: ['id', 'n', 'at'] },
    signal,
  );
  for await (const row of view.rows)
    assert.deepEqual(view.toJson(row), { id: 7, n: '7', at: null });
  assert.equal(view.offset, offset);
  assert.deepEqual(await rowsThen(looking, { table: 'public.still', asOf }), ['["1","same"]']);
});

test('as of: columns that were added are left out; others cannot be taken back', async () => {
  await using captured = await capture(
    `CREATE TABLE t (id int PRIMARY KEY, a text, b int); ALTER TABLE t REPLICA IDENTITY FULL;
     INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)`,
  );
  const { commit, looking } = captured;
  await commit(`UPDATE t SET a = 'c' WHERE id = 1`);
  const offset = await captured.head();
  const query = { table: 't', asOf: { offset } };
  await commit(`ALTER TABLE t ADD COLUMN later text DEFAULT 'x'`);
  await commit(`DELETE FROM t WHERE id = 1`);
  await captured.settled();
  assert.deepEqual(await rowsThen(looking, query), ['["1","c","1"]', '["2","b","2"]']);
  {
    await using view = await looking.table(query, signal);
    assert.deepEqual(view.leftOut, ['later']);
  }
  await commit('ALTER TABLE t ALTER COLUMN b TYPE bigint');
  await captured.settled();
  const message = await refusal(rowsThen(looking, query), 'AS_OF_COLUMN');
  assert.match(message, /Column b .* integer to bigint.*--columns id,a/);
  const rows = await rowsThen(looking, { ...query, columns: ['id', 'a'] });
  assert.deepEqual(rows, ['["1","c"]', '["2","b"]']);
  await commit('ALTER TABLE t DROP COLUMN a');
  const dropped = await refusal(rowsThen(looking, { ...query, columns: ['a'] }), 'AS_OF_COLUMN');
  assert.match(dropped, /it was dropped since/);
  await refusal(rowsThen(looking, { ...query, columns: ['nix'] }), 'COLUMN_NOT_LOGGED');
  await commit('DROP TABLE t');
  await refusal(rowsThen(looking, query), 'AS_OF_NO_TABLE');
});

test('as of: what the log does not know is refused with the reason', async () => {
  await using captured = await capture(
    `CREATE TABLE full_rows (id int PRIMARY KEY, t text); ALTER TABLE full_rows REPLICA IDENTITY FULL;
     CREATE TABLE key_only (id int PRIMARY KEY, t text);
     CREATE TABLE inserts_only (id int, t text);
     INSERT INTO full_rows VALUES (1, 'a'); INSERT INTO key_only VALUES (1, 'a'), (2, 'b')`,
  );
  const { commit, looking, client } = captured;
  const offset = await captured.head();
  const at = (table: string, moment: TableQuery['asOf'] = { offset }) =>
    rowsThen(looking, { table, asOf: moment });

  await commit(`INSERT INTO key_only VALUES (3, 'c')`);
  await captured.settled();
  assert.deepEqual(
    await at('key_only'),
    ['["1","a"]', '["2","b"]'],
    'inserts alone need no old rows',
  );
  await commit(
    `UPDATE key_only SET t = 'x' WHERE id = 1; INSERT INTO inserts_only VALUES (1, 'a')`,
  );
  await captured.settled();
  assert.match(
    await refusal(at('key_only'), 'AS_OF_IDENTITY'),
    /only its key.*`tidings doctor` prints the statement/,
  );
  const other = await rowsThen(looking, { table: 'key_only', asOf: { offset }, keys: ['2'] });
  assert.deepEqual(other, ['["2","b"]'], 'the rows that are known');
  assert.match(await refusal(at('inserts_only'), 'AS_OF_NOT_CAPTURED'), /inserts/);

  await commit(`INSERT INTO full_rows VALUES (2, 'b')`);
  await commit('TRUNCATE full_rows');
  const after = await captured.head();
  await commit(`INSERT INTO full_rows VALUES (3, 'c')`);
  await captured.settled();
  assert.match(
    await refusal(at('full_rows'), 'AS_OF_TRUNCATED'),
    new RegExp(`--as-of ${after - 1}\\.`),
  );
  assert.deepEqual(await at('full_rows', { offset: after }), []);

  await refusal(at('full_rows', parseMoment('2020-01-01T00:00:00Z')), 'AS_OF_TOO_EARLY');
  await refusal(at('full_rows', { offset: 1_000_000 }), 'AS_OF_AHEAD');
  await refusal(at('public.nothing'), 'AS_OF_NO_TABLE');
  await commit('CREATE TABLE newer (id int PRIMARY KEY); ALTER TABLE newer REPLICA IDENTITY FULL');
  await until(async () => (await client.query(IN_PUBLICATION)).rows.length > 0);
  await commit('INSERT INTO newer VALUES (1)');
  await captured.settled();
  await refusal(at('newer'), 'AS_OF_ADDED_LATER');
  const role = `reader_${captured.database.name}`;
  await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'; GRANT pg_monitor TO ${role}`);
  try {
    await refusal(
      rowsThen(await lookAs(captured, role), { table: 'full_rows', asOf: { offset: after } }),
      'SNAPSHOT_REFUSED',
    );
    await client.query(
      `GRANT SELECT ON full_rows TO ${role}; ALTER TABLE full_rows ENABLE ROW LEVEL SECURITY`,
    );
    const hidden = rowsThen(await lookAs(captured, role), {
      table: 'full_rows',
      asOf: { offset: after },
    });
    assert.match(await refusal(hidden, 'SNAPSHOT_REFUSED'), /BYPASSRLS/);
  } finally {
    await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

test('as of: without a service it works while nothing has changed, and is refused when something has', async () => {
  await using captured = await capture(SCHEMA);
  const { commit, looking, client } = captured;
  const then = await rowsNow(client, 'bag');
  const offset = await captured.head();
  await commit('DELETE FROM bag WHERE n = 1');
  await captured.settled();
  await captured.stop();
  const query = { table: 'bag', asOf: { offset } };
  await client.query('CHECKPOINT');
  assert.deepEqual(await rowsThen(looking, query), then);
  await client.query('CREATE UNLOGGED TABLE aside (n int); INSERT INTO aside VALUES (1)');
  assert.deepEqual(await rowsThen(looking, query), then);
  await commit('DELETE FROM bag WHERE n = 2');
  assert.match(await refusal(rowsThen(looking, query), 'LOG_BEHIND'), /tidings start/);
});

test('as of: consistent while others write', { timeout: 60_000 }, async () => {
  await using captured = await capture(
    `CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL); ALTER TABLE account REPLICA IDENTITY FULL;
     INSERT INTO account SELECT g, 100 FROM generate_series(1, 200) g;
     CREATE TABLE entry (account int, amount int); ALTER TABLE entry REPLICA IDENTITY FULL;
     INSERT INTO entry SELECT g % 5, 1 FROM generate_series(1, 50) g`,
  );
  const { looking, database, client } = captured;
  const start = [await rowsNow(client, 'account'), await rowsNow(client, 'entry')];
  const offset = await captured.head();
  const stop = new AbortController();
  const writers = [1, 2, 3].map(async (seed) => {
    const writer = await database.connect();
    for (let n = seed; !stop.signal.aborted; n += 7) {
      const [one, other] = [1 + (n % 200), 1 + ((n * 31) % 200)].sort((a, b) => a - b);
      await writer.query(`BEGIN; UPDATE account SET balance = balance - 1 WHERE id = ${one};
        UPDATE account SET balance = balance + 1 WHERE id = ${other};
        INSERT INTO entry VALUES (${n % 5}, -1), (${(n + 1) % 5}, 1);
        DELETE FROM entry WHERE ctid = (SELECT ctid FROM entry WHERE amount = 0 LIMIT 1); COMMIT`);
    }
  });
  try {
    for (let round = 0; round < 6; round++) {
      for (const [place, table] of ['public.account', 'public.entry'].entries()) {
        assert.deepEqual(await rowsThen(looking, { table, asOf: { offset } }), start[place]);
      }
      // A moment that has just passed: every transfer whole or not at all.
      const asOf = { time: (Date.now() - 20) * 1000 };
      const total = async (table: string, column: string): Promise<number> => {
        const rows = await rowsThen(looking, { table, asOf, columns: [column] });
        return rows.reduce((sum, row) => sum + Number((JSON.parse(row) as string[])[0]), 0);
      };
      assert.equal(await total('public.account', 'balance'), 20_000);
      assert.equal(await total('public.entry', 'amount'), 50);
    }
  } finally {
    stop.abort();
    await Promise.all(writers);
  }
});
