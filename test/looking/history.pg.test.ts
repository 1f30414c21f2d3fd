import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../src/change/change.ts';
import { all, capture, refusal, signal } from './fixture.ts';

/** `insert 1`, `update 1→2 id`, …: what happened, to which key, and to which columns. */
function tell({ operation, key, before, changed }: Change): string {
  const text = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));
  const now = Object.values(key ?? {})
    .map(text)
    .join('/');
  const then = operation === 'update' && changed?.includes('id') ? `${text(before?.['id'])}→` : '';
  return [operation, then + now, ...(changed ?? [])].join(' ').trim();
}

test('history: inserts, updates, deletes, re-creation, key changes, truncate', async () => {
  await using captured = await capture(
    `CREATE TABLE account (id int PRIMARY KEY, email text, balance numeric);
     ALTER TABLE account REPLICA IDENTITY FULL;
     INSERT INTO account VALUES (99, 'old@example.com', 1);`,
  );
  const { commit, looking } = captured;
  await commit(`INSERT INTO account VALUES (1, 'ghost', 0)`);
  await commit(`DELETE FROM account WHERE id = 1`);
  await commit(`INSERT INTO account VALUES (1, 'ann@example.com', 10.50), (5, 'five', 0)`);
  await commit(`UPDATE account SET balance = 20.00 WHERE id = 1`, { actor: 'ann', request: 7 });
  await commit(`UPDATE account SET id = 2 WHERE id = 1`);
  await commit(`UPDATE account SET email = 'two' WHERE id = 2`);
  await commit(`INSERT INTO account VALUES (1, 'another', 0)`);
  await commit(`UPDATE account SET id = 3, balance = 21 WHERE id = 2`);
  await commit(`UPDATE account SET email = 'again' WHERE id = 1`);
  await commit(`DELETE FROM account WHERE id = 3`);
  await commit(`INSERT INTO account VALUES (3, 'reborn', 5)`);
  await commit(`ALTER TABLE account ADD COLUMN note text`);
  await commit(`UPDATE account SET note = 'x' WHERE id IN (1, 99)`);
  await commit(`TRUNCATE account`);
  await commit(`INSERT INTO account VALUES (3, 'after', 0, null)`);
  await captured.settled();
  const told = async (key: string): Promise<string[]> => {
    const history = await looking.history({ table: 'account', key }, signal);
    return (await all(history.versions)).map(tell);
  };

  // The row that began as 1, became 2, then 3, and was deleted; and the later ones with its keys.
  const life = [
    'insert 1',
    'update 1 balance',
    'update 1→2 id',
    'update 2 email',
    'update 2→3 id balance',
    'delete 3',
  ];
  assert.deepEqual(await told('2'), life);
  assert.deepEqual(await told('id=3'), [...life, 'insert 3', 'truncate', 'insert 3']);
  assert.deepEqual(await told('1'), [
    'insert 1',
    'delete 1',
    'insert 1',
    'update 1 balance',
    'update 1→2 id',
    'update 2 email',
    'insert 1',
    'update 2→3 id balance',
    'update 1 email',
    'delete 3',
    'update 1 note',
    'truncate',
  ]);
  assert.deepEqual(await told('5'), ['insert 5', 'truncate']);
  assert.deepEqual(await told('99'), ['update 99 note', 'truncate']);
  assert.deepEqual(await told('4711'), ['truncate'], 'it may have been there before the log');

  const history = await looking.history({ table: 'public.account', key: '001' }, signal);
  const versions = await all(history.versions);
  const second = versions[3];
  assert.deepEqual(second?.transaction.context, { actor: 'ann', request: 7 });
  assert.equal(second?.before?.['balance'], '10.50');
  assert.equal(second?.after?.['balance'], '20.00');
  assert.ok(
    history.begins.at !== null && history.begins.at < (second?.transaction.committedAt ?? ''),
  );
  const newest = await looking.history({ table: 'account', key: '1', limit: 2 }, signal);
  assert.deepEqual((await all(newest.versions)).map(tell), ['update 1 note', 'truncate']);
});

test('history: a key of several columns, moved to other columns, and what is refused', async () => {
  await using captured = await capture(
    `CREATE TABLE line ("order" int, "no." text, note text, PRIMARY KEY ("order", "no."));
     CREATE TABLE bare (n int); ALTER TABLE bare REPLICA IDENTITY FULL;
     ALTER TABLE line REPLICA IDENTITY FULL;
     CREATE SCHEMA other; CREATE TABLE other.line (id int PRIMARY KEY);`,
  );
  const { commit, looking } = captured;
  await commit(
    `INSERT INTO line VALUES (1, 'a,b', 'x'), (1, 'c', 'y'); INSERT INTO bare VALUES (1)`,
  );
  await commit(`UPDATE line SET note = 'z' WHERE "no." = 'a,b'`);
  await commit(`ALTER TABLE line DROP CONSTRAINT line_pkey, ADD PRIMARY KEY ("no.")`);
  await commit(`UPDATE line SET note = 'later' WHERE "no." = 'a,b'`);
  await captured.settled();
  const count = async (key: string): Promise<number> => {
    const { versions } = await looking.history({ table: 'line', key }, signal);
    return (await all(versions)).length;
  };
  assert.equal(await count('order=1,no.="a,b"'), 2);
  assert.equal(await count('["1","a,b"]'), 2);
  assert.equal(await count('no.="a,b"'), 1);
  const wrong = looking.history({ table: 'line', key: 'note=1' }, signal);
  assert.match(await refusal(wrong, 'KEY_INVALID'), /Its key is no\.: write for instance no\.=1/);
  await refusal(looking.history({ table: 'bare', key: '1' }, signal), 'TABLE_WITHOUT_KEY');
  const unknown = looking.history({ table: 'lines', key: '1' }, signal);
  assert.match(await refusal(unknown, 'TABLE_NOT_LOGGED'), /public\.bare, public\.line/);
});

test('show: a transaction, a change by id and by offset, and what is not there', async () => {
  await using captured = await capture(
    `CREATE TABLE account (id int PRIMARY KEY, email text); ALTER TABLE account REPLICA IDENTITY FULL`,
  );
  const { commit, looking } = captured;
  await commit(`INSERT INTO account SELECT g, 'mail ' || g FROM generate_series(1, 159) g`);
  const id = await commit(
    `UPDATE account SET email = 'new' WHERE id = 7; DELETE FROM account WHERE id > 10`,
    { actor: 'ann' },
  );
  await captured.settled();
  const shown = await looking.show({ target: id }, signal);
  assert.ok('transaction' in shown);
  const { first, last, changes, context, position } = shown.transaction;
  assert.deepEqual([last - first + 1, changes, context], [150, 150, { actor: 'ann' }]);
  assert.deepEqual(await shown.counts(), [
    { table: 'public.account', tool: null, insert: 0, update: 1, delete: 149, truncate: 0 },
  ]);
  const streamed = await all(shown.changes());
  assert.deepEqual(
    streamed.map(({ offset }) => offset),
    Array.from({ length: 150 }, (_, n) => first + n),
  );
  const [update] = streamed;
  for (const target of [update?.id ?? '', `@${first}`, `main:${position}:0`]) {
    assert.deepEqual(await looking.show({ target }, signal), {
      change: update,
      isAside: false,
      schemaChange: null,
    });
  }
  const byPosition = await looking.show({ target: `main:${position}` }, signal);
  assert.ok('transaction' in byPosition && byPosition.transaction.id === id);
  for (const target of ['4294967295', '@100000', `main:${position}:150`, 'main:0000000000000001']) {
    await refusal(looking.show({ target }, signal), 'SHOW_UNKNOWN');
  }
  await refusal(looking.show({ target: 'what is this' }, signal), 'SHOW_INVALID');
  await refusal(looking.show({ target: 'elsewhere:00:0' }, signal), 'SOURCE_UNKNOWN');
});
