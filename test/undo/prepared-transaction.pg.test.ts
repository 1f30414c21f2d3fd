/** A prepared transaction holds its locks without a session: an undo that waits for it says where to look. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTidingsError } from '../../src/errors/tidings-error.ts';
import { startTestServer } from '../support/postgres.ts';
import { undoFixture } from './fixture.ts';

test('a prepared transaction that holds a row is found by the hint and ended by it', async () => {
  await using server = await startTestServer(18, { max_prepared_transactions: '2' });
  await using at = await undoFixture(
    `CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t REPLICA IDENTITY FULL;
     INSERT INTO t VALUES (1, 1)`,
    { server: server.url },
  );
  const { client } = at.database;
  const transaction = await at.change('UPDATE t SET v = 2');
  await client.query(`BEGIN; SELECT FROM t WHERE id = 1 FOR UPDATE; PREPARE TRANSACTION 'held'`);

  const refused = await at.apply({ transaction }).catch((error: unknown) => error);
  assert.ok(isTidingsError(refused, 'UNDO_LOCKED'), String(refused));
  const statements = [...refused.hint.matchAll(/`([^`]*);`/g)].map(([, sql]) => sql ?? '');
  const look = statements.find((sql) => sql.includes('pg_prepared_xacts')) ?? '';
  const { rows } = await client.query<{ gid: string }>(look);
  assert.deepEqual(
    rows.map(({ gid }) => gid),
    ['held'],
  );
  const end = statements.find((sql) => sql.startsWith('ROLLBACK PREPARED')) ?? '';
  await client.query(end.replace('GID', 'held'));

  const { transaction: undone } = await at.apply({ transaction });
  assert.notEqual(undone, null);
  assert.deepEqual(await at.rows('SELECT v FROM t'), ['(1)']);
});
