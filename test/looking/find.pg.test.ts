import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FindQuery } from '../../src/app/looking/looking.ts';
import { all, capture, type Captured, refusal, signal } from './fixture.ts';

const SCHEMA = `
  CREATE TABLE account (id int PRIMARY KEY, email text, balance numeric, active boolean, at timestamptz);
  ALTER TABLE account REPLICA IDENTITY FULL;
  CREATE TABLE session (id int PRIMARY KEY, note text);`;

/** Many small transactions with one accident among them; the ids of those that matter. */
async function accident({ client, commit }: Captured): Promise<Record<string, string>> {
  const [fill, large] = [
    await commit(
      `INSERT INTO account SELECT g, 'user' || g || '@example.com', g * 1.50, true,
         '2026-01-02 03:04:05.678901+00' FROM generate_series(1, 300) g`,
      { actor: 'import' },
    ),
    await commit(`INSERT INTO session SELECT g, 'note ' || g FROM generate_series(1, 120) g`),
  ];
  await client.query(`DO $$ BEGIN FOR n IN 1 .. 400 LOOP
    UPDATE account SET balance = balance + 1 WHERE id = 1 + n % 300; COMMIT; END LOOP; END $$`);
  const rename = await commit(`UPDATE account SET email = 'ann@example.com' WHERE id = 7`, {
    actor: 'ann',
    request: { id: 9007199254740993n.toString(), path: '/rename' },
  });
  const wrong = await commit('DELETE FROM account WHERE id > 141', { actor: 'bob' });
  await client.query(`DO $$ BEGIN FOR n IN 1 .. 200 LOOP
    UPDATE session SET note = 'seen ' || n WHERE id = 1 + n % 100; COMMIT; END LOOP; END $$`);
  const both = await commit(
    `UPDATE account SET active = false WHERE id = 7; UPDATE session SET note = null WHERE id = 5`,
  );
  return { fill, large, rename, wrong, both };
}

test('find: by size, table, operation, values, context, time, row and expression', async () => {
  await using captured = await capture(SCHEMA);
  const { looking } = captured;
  const ids = await accident(captured);
  await captured.settled();
  const found = async (query: FindQuery): Promise<string[]> => {
    const search = await looking.find(query, signal);
    return (await all(search.found)).map(
      ({ transaction }) =>
        Object.entries(ids).find(([, id]) => id === transaction.id)?.[0] ?? transaction.id,
    );
  };

  assert.deepEqual(await found({ minChanges: 100 }), ['wrong', 'large', 'fill']);
  assert.deepEqual(await found({ minChanges: 100, operations: ['delete'] }), ['wrong']);
  assert.deepEqual(await found({ minChanges: 121, tables: ['session', 'account'] }), [
    'wrong',
    'fill',
  ]);
  assert.deepEqual(await found({ operations: ['delete'] }), ['wrong']);
  assert.deepEqual(await found({ tables: ['public.a*'], operations: ['insert'] }), ['fill']);
  assert.deepEqual(await found({ actor: 'bob' }), ['wrong']);
  assert.deepEqual(await found({ context: ['request.path=/rename'] }), ['rename']);
  assert.deepEqual(await found({ context: ['request.id=9007199254740993'], actor: 'ann' }), [
    'rename',
  ]);
  assert.deepEqual(await found({ context: ['request.id=1'] }), []);
  assert.deepEqual(
    await found({ after: ['email=ann@example.com'], operations: ['update'], limit: 5 }),
    ['both', 'rename'],
  );
  assert.deepEqual(
    await found({ before: ['email=user7@example.com'], after: ['email=ann@example.com'] }),
    ['rename'],
  );
  assert.deepEqual(await found({ before: ['email=user150@example.com'], operations: ['delete'] }), [
    'wrong',
  ]);
  assert.deepEqual(await found({ after: ['active=false'] }), ['both']);
  assert.deepEqual(await found({ after: ['at=2026-01-02T03:04:05.678901Z'], minChanges: 2 }), [
    'fill',
  ]);
  assert.deepEqual(await found({ after: ['note=null'] }), ['both']);
  assert.deepEqual(await found({ after: ['note="null"'] }), []);
  assert.deepEqual(
    await found({ tables: ['account'], key: '7', operations: ['update', 'insert'], limit: 2 }),
    ['both', 'rename'],
  );
  assert.deepEqual(await found({ tables: ['account'], key: '200', operations: ['delete'] }), [
    'wrong',
  ]);
  assert.deepEqual(
    await found({ where: 'after.email == "ann@example.com" && "email" in changed' }),
    ['rename'],
  );

  const [report] = await all((await looking.find({ actor: 'bob' }, signal)).found);
  assert.deepEqual(report?.tables, [
    { table: 'public.account', tool: null, insert: 0, update: 0, delete: 159, truncate: 0 },
  ]);
  assert.equal(report?.matching, 159);
  const { first, last } = report?.transaction ?? { first: 0, last: 0 };
  const since = { offset: first };
  assert.deepEqual(await found({ since, minChanges: 100 }), ['wrong']);
  assert.deepEqual(await found({ until: since, minChanges: 100 }), ['large', 'fill']);
  const time = (report?.transaction.committedAt ?? '').slice(0, -1);
  const micros = Date.parse(`${time.slice(0, -3)}Z`) * 1000 + Number(time.slice(-3));
  assert.deepEqual(await found({ since: { time: micros }, minChanges: 100 }), ['wrong']);
  assert.deepEqual(await found({ until: { time: micros }, minChanges: 100 }), ['large', 'fill']);
  assert.equal(
    (
      await found({
        tables: ['public.*', '!public.mark'],
        since: { offset: last + 1 },
        limit: 1000,
      })
    ).length,
    201,
  );
  assert.equal((await found({ tables: ['public.*', '!public.mark'], limit: 1000 })).length, 605);
});

test('find: what it says of what the log does not know, and what it refuses', async () => {
  await using captured = await capture(SCHEMA);
  const { looking, commit } = captured;
  await commit(`INSERT INTO session VALUES (1, 'a')`);
  await commit(`UPDATE session SET note = 'b'`);
  await commit(`DELETE FROM session`);
  await captured.settled();
  const search = await looking.find({ before: ['note=a'] }, signal);
  assert.deepEqual(await all(search.found), []);
  assert.equal(search.undecided(), 2, 'the update and the delete, whose old rows are not reported');
  const query = (request: FindQuery) => looking.find(request, signal);
  await refusal(query({ before: ['mail=a'] }), 'COLUMN_NOT_LOGGED');
  await refusal(query({ before: ['=a'] }), 'VALUE_CONDITION_INVALID');
  await refusal(query({ tables: ['public.sesion'] }), 'TABLE_NOT_LOGGED');
  await refusal(query({ key: '1' }), 'USAGE');
  await refusal(query({ context: ['x'] }), 'USAGE');
  await refusal(query({ since: { offset: 3 }, until: { offset: 1 } }), 'USAGE');
  await refusal(query({ where: 'after.' }), 'FILTER_INVALID');
});
