import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase } from '../../../../test/support/postgres.ts';
import { ENDS } from '../../../../test/support/until.ts';
import { SqlSession } from './sql-session.ts';

test('who waits for the statement of another stops waiting when he is told to', ENDS, async () => {
  await using database = await freshDatabase();
  const { client, url } = database;
  await client.query('SELECT pg_advisory_lock(7)');
  await using session = new SqlSession({ source: 'main', url });
  const { signal } = new AbortController();
  const first = session.query('SELECT pg_advisory_lock(7)', signal);
  const abort = new AbortController();
  const second = session.query('SELECT 2 AS two', abort.signal);
  abort.abort(new Error('enough'));
  await assert.rejects(second, /enough/);
  const third = session.query('SELECT 3 AS three', signal);
  await client.query('SELECT pg_advisory_unlock(7)');
  assert.equal((await first).length, 1, 'it went on');
  assert.deepEqual(await third, [{ three: 3 }]);
});
