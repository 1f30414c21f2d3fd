/** The accident of story 1, taken back over HTTP and by the library, on a real database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answered, type ServedApi, serveApi } from '../../test/support/api-fixture.ts';
import { freshDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import type { UndoPlan, UndoResult } from '../undo/undo-plan.ts';

const LOOKING = 'a-token-that-may-look';
const UNDOING = 'a-token-that-may-undo';
const BY_COPY = 'SELECT accounts::text AS row FROM accounts ORDER BY id';

async function rowsOf({ client }: TestDatabase): Promise<readonly string[]> {
  const { rows } = await client.query<{ row: string }>(BY_COPY);
  return rows.map(({ row }) => row);
}

/** A table of 159 rows and more, a service that captures it, and somebody's DELETE without WHERE. */
async function accident(database: TestDatabase): Promise<{
  readonly api: ServedApi;
  readonly before: readonly string[];
  readonly transaction: string;
}> {
  await database.client.query(
    'CREATE TABLE accounts (id int PRIMARY KEY, email text UNIQUE, balance numeric)',
  );
  await database.client.query('ALTER TABLE accounts REPLICA IDENTITY FULL');
  const api = await serveApi({
    sources: { main: { url: database.url, tables: ['public.accounts'] } },
    http: {
      port: 0,
      tokens: {
        looking: { token: LOOKING, rights: ['read', 'write'] },
        undoing: { token: UNDOING, rights: ['read', 'undo'] },
      },
    },
  });
  await database.client.query(
    `INSERT INTO accounts SELECT n, n || '@example.org', n / 3.0 FROM generate_series(1, 159) n`,
  );
  const before = await rowsOf(database);
  const { rows } = await database.client.query<{ id: string }>(
    `WITH gone AS (DELETE FROM accounts RETURNING 1)
     SELECT pg_current_xact_id()::text AS id, count(*) FROM gone`,
  );
  const transaction = rows[0]?.id ?? '';
  await until(async () => {
    const { changes } = await api.tidings.changes({ operations: ['delete'], limit: 1_000 });
    return changes.length === 159;
  });
  return { api, before, transaction };
}

function plan(api: ServedApi, body: object, token = LOOKING): Promise<Answered> {
  return api.ask('POST', '/v1/undo/plans', { token, body });
}

test('an accident is planned and taken back over HTTP', async () => {
  await using database = await freshDatabase();
  const { api, before, transaction } = await accident(database);
  await using _api = api;
  const planned = await plan(api, { transaction });
  assert.equal(planned.status, 201, planned.text);
  const made = planned.json<UndoPlan>();
  assert.deepEqual([made.total, made.conflicts.total], [159, 0]);
  const location = String(planned.headers['location']);
  assert.deepEqual((await api.ask('GET', location, { token: LOOKING })).json(), made);
  assert.deepEqual(await rowsOf(database), [], 'a plan changes nothing');

  const forbidden = await api.ask('POST', `${location}/apply`, { token: LOOKING, body: {} });
  assert.equal(forbidden.status, 403);
  assert.equal(forbidden.json<{ code: string }>().code, 'RIGHT_MISSING');
  assert.deepEqual(await rowsOf(database), []);

  const applied = await api.ask('POST', `${location}/apply`, { token: UNDOING });
  assert.equal(applied.status, 200, applied.text);
  assert.deepEqual(
    [applied.json<UndoResult>().total, applied.json<UndoResult>().applied],
    [159, true],
  );
  assert.deepEqual(await rowsOf(database), before);
  // Who did it is known to every subscriber.
  await until(async () => {
    const { changes } = await api.tidings.changes({
      operations: ['insert'],
      where: 'has(context.undoOf)',
      limit: 1_000,
    });
    return changes.length === 159;
  });
});

test('conflicts refuse an undo whole, until it is said what to do about them', async () => {
  await using database = await freshDatabase();
  const { api, before, transaction } = await accident(database);
  await using _api = api;
  await database.client.query(`INSERT INTO accounts VALUES (1000, '7@example.org', 0)`);
  const location = String((await plan(api, { transaction })).headers['location']);
  const refused = await api.ask('POST', `${location}/apply`, { token: UNDOING, body: {} });
  assert.equal(refused.status, 409, refused.text);
  assert.equal(refused.json<{ code: string }>().code, 'UNDO_CONFLICTS');
  assert.equal((await rowsOf(database)).length, 1);
  const skipping = (await plan(api, { transaction, onConflict: 'skip' })).json<UndoPlan>();
  assert.deepEqual(
    [skipping.onConflict, skipping.total, skipping.conflicts.total],
    ['skip', 158, 1],
  );
  const body = { onConflict: 'skip', actor: 'ann' };
  const skipped = await api.ask('POST', `${location}/apply`, { token: UNDOING, body });
  assert.deepEqual(
    [skipped.json<UndoResult>().total, skipped.json<UndoResult>().skipped],
    [158, 1],
    skipped.text,
  );
  assert.equal((await rowsOf(database)).length, before.length);
});

test('a plan that is unknown, and requests that make no sense, say so', async () => {
  await using database = await freshDatabase();
  const { api } = await accident(database);
  await using _api = api;
  const codes = await Promise.all(
    [
      api.ask('POST', '/v1/undo/plans/none/apply', { token: UNDOING, body: {} }),
      plan(api, { transaction: '999999999' }),
      plan(api, { tables: ['public.nothing'], since: 0 }),
      plan(api, {}),
    ].map(async (asked) => {
      const answered = await asked;
      return `${answered.status} ${answered.json<{ code: string }>().code}`;
    }),
  );
  assert.deepEqual(codes.slice(0, 2), ['404 UNDO_PLAN_UNKNOWN', '404 UNDO_TRANSACTION_UNKNOWN']);
  assert.match(codes[2] ?? '', /^4\d\d UNDO_/);
  assert.equal(codes[3], '400 REQUEST_INVALID');
});

test('the library does the same with the same plan', async () => {
  await using database = await freshDatabase();
  const { api, before, transaction } = await accident(database);
  await using _api = api;
  const made = await api.tidings.planUndo({ transaction });
  const rows: unknown[] = [];
  for await (const row of api.tidings.undoRows(made)) rows.push(row);
  assert.equal(rows.length, 159);
  const result = await api.tidings.applyUndo(made, { actor: 'the program' });
  assert.equal(result.applied, true);
  assert.deepEqual(await rowsOf(database), before);
});
