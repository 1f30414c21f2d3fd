import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshDatabase, type TestDatabase } from '../../../../test/support/postgres.ts';
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts';
import { until } from '../../../../test/support/until.ts';
import { PostgresSource } from '../postgres-source.ts';
import { createSlot, findSlot, type Slot, type SlotOwner } from './slot.ts';
import { readFacts } from '../check/server-facts.ts';
import { SqlSession } from '../connection/sql-session.ts';

const { signal } = new AbortController();

async function slots({ client }: TestDatabase): Promise<readonly Slot[]> {
  const { rows } = await client.query<{ slot: Slot }>(
    `SELECT to_jsonb(s) AS slot FROM pg_replication_slots s WHERE database = current_database()`,
  );
  return rows.map(({ slot }) => slot);
}

test('a slot is one that standbys keep, from PostgreSQL 17 on', async () => {
  for (const [major, failover] of [
    [18, true],
    [17, true],
    [16, undefined],
  ] as const) {
    await using database = await freshDatabase(major);
    await using session = new SqlSession({ source: 'main', url: database.url });
    const owner: SlotOwner = { source: 'main', ...(await readFacts(session, signal)) };
    await createSlot(session, owner, signal);
    assert.equal((await findSlot(session, owner, signal))?.failover, failover, String(major));
  }
});

test('a slot that an administrator made before the publications stays, and capture begins', async () => {
  await using database = await freshDatabase();
  const { client } = database;
  await client.query('CREATE TABLE t (id int PRIMARY KEY)');
  await using session = new SqlSession({ source: 'main', url: database.url });
  const { databaseOid } = await readFacts(session, signal);
  // The name that is free on a server which tests share.
  const name = `tidings_main_${databaseOid}`;
  await client.query(
    `SELECT pg_create_logical_replication_slot($1, 'pgoutput', false, true, true)`,
    [name],
  );
  const [made] = await slots(database);
  // WAL that a publication has to exist for.
  await client.query('INSERT INTO t VALUES (1)');
  await using source = new PostgresSource({
    name: 'main',
    url: database.url,
    tables: ['public.*'],
  });
  await source.setUp(signal, { slot: 'create' });
  const [kept, ...others] = await slots(database);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [kept?.slot_name, kept?.failover, (kept as { two_phase?: boolean }).two_phase],
    [name, true, true],
  );
  assert.notEqual(kept?.confirmed_flush_lsn, made?.confirmed_flush_lsn, 'it was moved');

  const receiver = new RecordingReceiver();
  const done = new AbortController();
  const streaming = source.stream({ from: null, receiver, signal: done.signal });
  await client.query('INSERT INTO t VALUES (2)');
  await until(() => receiver.changes.length > 0);
  done.abort();
  await streaming;
  assert.deepEqual(
    receiver.changes.map(({ key }) => key),
    ['2'],
  );
});
